"""What a backend may raise.

Each class answers one question: what should the caller do?

    InferenceError
    ├── BackendUnusable    settings or weights are wrong: do not restart
    │   └── OptionsWrong
    ├── RequestRefused     the task's own fault: report it failed, with this sentence
    │   └── PhotoUnreadable
    ├── BadOutput          the frames are unusable: once more with another seed, then refuse
    ├── TryLater           somebody else's passing trouble: leave the task for another time
    └── DeviceUnfit        this process can make no further video: end it

    Cancelled (BaseException)   the caller asked to stop; never an error, never swallowed
"""

from collections.abc import Mapping


class InferenceError(Exception):
    """Root of everything that a backend raises on purpose."""


class BackendUnusable(InferenceError):
    """The backend cannot be built from these settings or weights; trying again changes nothing."""


class OptionsWrong(BackendUnusable):
    """Options are wrong. `problems` says of each key, `wan.steps`, what is wrong with it.

    `section` is the mapping that the keys stand in.
    """

    def __init__(self, section: str, problems: Mapping[str, str]) -> None:
        self.section = section
        self.problems = {f"{section}.{key}": words for key, words in problems.items()}
        super().__init__("; ".join(f"{key}: {words}" for key, words in self.problems.items()))


class RequestRefused(InferenceError):
    """The task itself is at fault; the message is what the photo's owner will read."""


class PhotoUnreadable(RequestRefused):
    """The photo could not be read, or is not one that we accept."""


class BadOutput(InferenceError):
    """The frames are NaN, black or constant, or the file does not hold what was asked for."""


class TryLater(InferenceError):
    """A passing trouble outside this process.

    `retry_after_s` is the wait that the other side asked for, if it did.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeviceUnfit(InferenceError):
    """The device, or this process's hold on it, is broken; only a fresh process may try again."""


class Cancelled(BaseException):
    """Raised inside a backend once its caller has asked it to stop.

    It derives from BaseException, as KeyboardInterrupt does, so that no `except Exception` on the
    way out can mistake it for a failure.
    """
