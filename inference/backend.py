"""The boundary between the pool's child and whatever makes a video.

A backend turns one `Request` into one MP4 in three moves, so that the pool can overlap them:
`prepare` and `encode` are CPU work that may run on any thread, also while the device is busy with
another request; `infer` runs on the child's one device thread, never twice at the same time.

`backend: package.module:Class` in the settings names any class with this shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from inference.errors import Cancelled

PreparedT = TypeVar("PreparedT")
ClipT = TypeVar("ClipT")

Progress = Callable[[int, int], None]
"""`progress(done, total)`: called at every sign of life; the unit is the backend's own."""


@dataclass(frozen=True)
class Request:
    """One video to make.

    `photo` is a file on disk, as it was downloaded. `frame_num` is counted at 24 frames a second
    (None: the backend's default). `provider` is the server's name for the model, if it gave one.
    `seed` is derived from the item's id, so that the same task gives the same video. `lease_id`
    names the lease under which the video is made, so that what costs money is bought once under it;
    empty where there is no lease.
    """

    item_id: str
    photo: Path
    prompt: str
    frame_num: int | None
    provider: str | None
    seed: int
    lease_id: str = ""


@dataclass(frozen=True)
class Video:
    """A finished MP4, as read back from the file itself. `duration_s` is in seconds.

    `remote_id` is what the service that made it calls its task, where a service made it.
    """

    path: Path
    frames: int
    width: int
    height: int
    fps: float
    duration_s: float
    size_bytes: int
    remote_id: str | None = None


class CancelToken:
    """Carries "stop" from the lease's owner to the backend.

    Set from the child's main thread; read by the backend between steps, on whichever thread works.
    """

    def __init__(self) -> None:
        self._cancelled = False

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._cancelled = True

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._cancelled

    def check(self) -> None:
        """Raise `Cancelled` if the work was asked to stop."""
        if self.cancelled:
            raise Cancelled


class Backend(Protocol[PreparedT, ClipT]):
    """What the child needs from a way of making videos.

    The constructor takes the backend's own settings as a plain mapping and must be cheap: no
    weights, no device. It raises `BackendUnusable` on settings that cannot work.
    """

    confirmations: ClassVar[int]
    """How many times the lease is confirmed before `infer`: 1, or 2 where `infer` costs money."""

    remote: ClassVar[bool] = False
    """Whether `infer` only waits for a service elsewhere, so that a process that dies meanwhile
    says nothing against the photo."""

    def __init__(self, options: Mapping[str, object]) -> None: ...

    def load(self, progress: Progress) -> None:
        """Make ready for the first request. Called once, on the device thread.

        Raises `BackendUnusable` (never try again) or `DeviceUnfit` (try in a fresh process).
        """

    def device_uuid(self) -> str | None:
        """The UUID of the device in use, as the library that computes sees it.

        Called once, after `load`, on the device thread; None for a backend that uses no device.
        The child ends when this is not the device that it was given.
        """

    def unavailable(self) -> str | None:
        """Why no new task should be taken at the moment, in words; None to go on.

        Asked before every poll, on the child's main thread: it must be quick and must not block.
        """

    def worn_out(self) -> str | None:
        """Why this process should make way for a fresh one, in words; None to go on.

        Asked between two tasks, on the child's main thread: it must be quick and must not block.
        No blame falls on the task before. A backend that does not wear out inherits this answer.
        """
        return None

    def prepare(self, request: Request) -> PreparedT:
        """Read and shape the photo. CPU only, any thread. Raises `RequestRefused`."""

    def infer(self, prepared: PreparedT, progress: Progress, cancel: CancelToken) -> ClipT:
        """Make the frames. Device thread.

        Calls `progress` at least once a step and stops within a step of `cancel`, raising
        `Cancelled` and leaving the backend fit for the next request.
        """

    def encode(self, clip: ClipT, target: Path, progress: Progress, cancel: CancelToken) -> Video:
        """Write `target` as MP4, read it back and check it. CPU only, any thread.

        Raises `BadOutput` when the file is not what was asked for.
        """

    def close(self) -> None:
        """Let go of device memory and connections."""
