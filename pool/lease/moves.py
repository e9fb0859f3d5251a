"""What a job asks for, and what comes back.

A move is one piece of work that blocks: a request, a file, an inference. The job names it, the
child's workbench carries it out on a thread of its own and hands back an `Outcome`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True)
class Renew:
    """Send a heartbeat that asks for `extend_s` more seconds. Value: None."""

    extend_s: int


@dataclass(frozen=True)
class ProbeUpload:
    """Ask for an upload URL before any work, to find out whether the video exists already.

    Value: the storage path that the upload will have. The URL itself is thrown away.
    """


@dataclass(frozen=True)
class Fetch:
    """Have the photo signed and download it. Value: None."""


@dataclass(frozen=True)
class Prepare:
    """Read and shape the photo. Value: None."""


@dataclass(frozen=True)
class Infer:
    """Make the frames; `seed_offset` is added to the task's own seed. Value: None."""

    seed_offset: int = 0


@dataclass(frozen=True)
class Encode:
    """Write the MP4 and check it. Value: None."""


@dataclass(frozen=True)
class Store:
    """Ask for a fresh upload URL and put the video there. Value: the storage path."""


@dataclass(frozen=True)
class ReportCompleted:
    """Tell the server that the video is at `storage_path`. Value: None."""

    storage_path: str


@dataclass(frozen=True)
class ReportFailed:
    """Tell the server that the task itself is at fault, and why. Value: None."""

    reason: str


@dataclass(frozen=True)
class Release:
    """Give the lease back: a heartbeat that asks for one second. Tried once. Value: None."""


Move: TypeAlias = (
    Renew
    | ProbeUpload
    | Fetch
    | Prepare
    | Infer
    | Encode
    | Store
    | ReportCompleted
    | ReportFailed
    | Release
)


class Fault(StrEnum):
    """What a move that did not succeed tells the job."""

    TRANSIENT = "transient"
    """Passing trouble: try again, within the move's patience."""
    MISSED = "missed"
    """404 on a heartbeat or a report: the lease is in doubt."""
    REFUSED = "refused"
    """403: another worker holds the task."""
    STORED_ALREADY = "stored already"
    """The object is in the storage already."""
    MAYBE_STORED = "maybe stored"
    """The video was sent whole and no answer came."""
    UNSIGNED = "unsigned"
    """The server signs no URL, without a word: trouble, a lost photo, a video that is there."""
    ABSENT = "absent"
    """The storage says that the photo is not there; one such answer proves as little as a 404."""
    TASK_AT_FAULT = "task at fault"
    """The task itself cannot succeed; the outcome's text is for its owner."""
    BAD_OUTPUT = "bad output"
    """The frames or the file are unusable; another seed may do better."""
    NOT_NOW = "not now"
    """Nothing that this child can cure: the lease is left to expire."""
    CANCELLED = "cancelled"
    """The job itself asked for the stop."""


@dataclass(frozen=True)
class Outcome:
    """What came of one move.

    `sent_at` is the monotonic second at which the move's request left (for moves without a
    request: at which it began); `text` is the reason where there is a `fault`, and the storage path
    after `ProbeUpload` and `Store`. `retry_after_s` is the wait that the other side asked for.
    """

    move: Move
    sent_at: float
    fault: Fault | None = None
    text: str = ""
    retry_after_s: float | None = None


class Ending(StrEnum):
    """How a lease ended, as seen from here."""

    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    """Somebody else's now, or about to be; nothing more was sent."""
    ABANDONED = "abandoned"
    """Our own fault or the network's: the lease is left to expire."""
    RELEASED = "released"
    """Given back on purpose."""
