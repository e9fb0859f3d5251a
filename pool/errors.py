"""What can go wrong in the pool. Each class says what the caller should do.

    PoolError
    ├── ConfigError    stop: the settings are wrong; one line says which, where read, and the cure
    ├── Transient      back off and try again
    ├── MaybeStored    find out whether the video has arrived before storing it again
    ├── LeaseLost      drop the task without a word to the server
    ├── TaskFailed     report the task failed, with this sentence
    └── DeviceUnfit    end this process; only a fresh one may use the device

Errors of `client`, `inference` and the libraries are translated into these once, in
`pool.child.translate`.
"""


class PoolError(Exception):
    """Root of everything that the pool raises on purpose."""


class ConfigError(PoolError):
    """A setting is missing or wrong; restarting changes nothing. The message is one line."""


class Transient(PoolError):
    """A passing trouble. `retry_after_s` is the wait that the other side asked for, if it did."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class MaybeStored(PoolError):
    """A video was sent whole and no answer came: it may be in the storage."""


class LeaseLost(PoolError):
    """The lease is somebody else's now; nothing more may be sent for the task."""


class TaskFailed(PoolError):
    """The task itself is at fault; the message is what the photo's owner will read."""


class DeviceUnfit(PoolError):
    """The device, or this process's hold on it, is broken."""
