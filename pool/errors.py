"""What can go wrong in the pool. Each class says what the caller should do.

    PoolError
    ├── ConfigError    stop: the settings are wrong; one line says which, where read, and the cure
    ├── MaybeStored    find out whether the video has arrived before storing it again
    └── LeaseLost      drop the task without a word to the server

What `client` and `inference` raise is turned into what a job understands in `pool.child.translate`,
as are `MaybeStored` and `LeaseLost`.
"""


class PoolError(Exception):
    """Root of everything that the pool raises on purpose."""


class ConfigError(PoolError):
    """A setting is missing or wrong; restarting changes nothing. The message is one line."""


class MaybeStored(PoolError):
    """A video was sent whole and no answer came: it may be in the storage."""


class LeaseLost(PoolError):
    """The lease is somebody else's now; nothing more may be sent for the task."""
