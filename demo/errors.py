"""What can go wrong in a demonstration."""


class DemoFailed(Exception):
    """The demonstration cannot go on. The message is one line: what, where, what to do."""
