"""The worker pool: one supervisor, one child process for every slot."""

__version__ = "0.2.0"
