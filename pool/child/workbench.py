"""Carries out the moves of one task.

Each method runs on a lane's thread and blocks. Before anything is sent, and inside every transfer,
the fence is asked. Between the moves of one task the bench holds what they hand on to each other:
the photo, the prepared picture, the frames, the finished file.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from loguru import logger

from client.errors import Transient
from client.wire import SignedDownload, SignedUpload, Task
from inference.backend import Backend, Progress, Request, Video
from inference.seed import seed_for
from pool.child.fence import Fence
from pool.child.undelivered import Undelivered
from pool.errors import LeaseLost, MaybeStored
from pool.event_log import EventSink
from pool.lease.moves import (
    Encode,
    Fetch,
    Infer,
    Move,
    Prepare,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)

_RELEASE_S = 1
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Queue(Protocol):
    """The Worker API's verbs. Implemented by `client.WorkerApi`."""

    def next_task(self, worker_id: str, lease_duration_s: int) -> Task | None: ...
    def renew(self, item_id: str, worker_id: str, extend_s: int) -> object: ...
    def sign_download(self, storage_path: str) -> SignedDownload: ...
    def sign_upload(self, item_id: str) -> SignedUpload: ...
    def report_completed(
        self, item_id: str, worker_id: str, storage_path: str, runway_task_id: str | None = None
    ) -> None: ...
    def report_failed(self, item_id: str, worker_id: str, reason: str) -> None: ...


class Shelf(Protocol):
    """The storage behind presigned URLs. Implemented by `client.Storage`."""

    def fetch(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> object: ...
    def store(
        self, url: str, source: Path, *, progress: Progress, stop: Callable[[], bool]
    ) -> None: ...


@dataclass(frozen=True)
class Tools:
    """What every task of one child is worked on with. `work_dir` is the child's own folder."""

    queue: Queue
    shelf: Shelf
    backend: Backend[Any, Any]
    undelivered: Undelivered
    events: EventSink
    worker_id: str
    work_dir: Path
    max_photo_bytes: int

    @property
    def remote(self) -> bool:
        """Whether inferences happen elsewhere: somebody's own class need not say."""
        return getattr(self.backend, "remote", False)


def file_name(item_id: str) -> str:
    """A name for the item's files: its id where that is a plain word, else a digest of it."""
    if _SAFE_NAME.fullmatch(item_id):
        return item_id
    return sha256(item_id.encode()).hexdigest()


class Workbench:
    """One task's moves and what they hand on.

    `lease_id` is this host's own name for the lease; `progress` is called from the lane's thread.
    """

    def __init__(
        self, task: Task, lease_id: str, tools: Tools, fence: Fence, progress: Progress
    ) -> None:
        self.task = task
        self._lease_id = lease_id
        self.fence = fence
        self.name = file_name(task.item_id)
        self.video: Video | None = None
        self._tools = tools
        self._progress = progress
        # A folder for each lease, not for each item: a child may lease an item again while a
        # request of the lease that it lost is still on its way.
        self._folder = tools.work_dir / f"{self.name}-{lease_id.rpartition('#')[2]}"
        self._prepared: Any = None
        self._clip: Any = None

    def carry_out(self, move: Move) -> str:
        """Do one move and return its text: the storage path where there is one, else nothing.

        Raises what `client` and `inference` raise, and `LeaseLost` when the fence is closed.
        """
        match move:
            case Release():
                self._release()
            case Renew(extend_s):
                self._check()
                self._tools.queue.renew(self.task.item_id, self._tools.worker_id, extend_s)
            case ProbeUpload():
                self._check()
                return self._tools.queue.sign_upload(self.task.item_id).storage_path
            case Fetch():
                self._fetch()
            case Prepare() | Infer() | Encode():
                self._make(move)
            case Store():
                return self._store()
            case ReportCompleted() | ReportFailed():
                self._report(move)
        return ""

    def clear(self, *, delivered: bool) -> None:
        """Remove the task's files and let go of its frames.

        A finished video stays where it is until it is `delivered`. A disk that lets nothing be
        removed is only logged: the task is over, and others are in work.
        """
        self._prepared = self._clip = None
        if delivered:
            self._remove("video", partial(self._tools.undelivered.drop, self.name))
        self._remove("files", partial(shutil.rmtree, self._folder))

    def _remove(self, what: str, remove: Callable[[], None]) -> None:
        try:
            remove()
        except FileNotFoundError:
            pass
        except OSError as error:
            log = logger.bind(item_id=self.task.item_id)
            log.warning("the task's {} could not be removed: {}", what, error)

    @property
    def _photo(self) -> Path:
        return self._folder / "photo"

    def _check(self) -> None:
        self.fence.check()

    def _release(self) -> None:
        if self.fence.expired:
            raise LeaseLost("the lease ran out before it could be given back")
        self._tools.queue.renew(self.task.item_id, self._tools.worker_id, _RELEASE_S)

    def _fetch(self) -> None:
        self._check()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # a family's photo
        signed = self._tools.queue.sign_download(self.task.photo_storage_path)
        self._check()
        self._tools.shelf.fetch(
            signed.url,
            self._photo,
            max_bytes=self._tools.max_photo_bytes,
            progress=self._progress,
            stop=lambda: self.fence.closed,
        )

    def _make(self, move: Prepare | Infer | Encode) -> None:
        """The backend's three moves; each lets go of what only the one before needed."""
        backend = self._tools.backend
        match move:
            case Prepare():
                self._prepared = backend.prepare(self._request(0))
            case Infer(seed_offset=0):
                self._clip = backend.infer(self._prepared, self._progress, self.fence.cancel)
            case Infer(seed_offset=offset):
                self._prepared = backend.prepare(self._request(offset))
                self._clip = backend.infer(self._prepared, self._progress, self.fence.cancel)
            case Encode():
                made = backend.encode(
                    self._clip, self._folder / "video.mp4", self._progress, self.fence.cancel
                )
                self.video = self._tools.undelivered.keep(self.task, self.name, made)
                self._clip = None

    def _request(self, seed_offset: int) -> Request:
        return Request(
            item_id=self.task.item_id,
            photo=self._photo,
            prompt=self.task.prompt,
            frame_num=self.task.frame_num,
            provider=self.task.inference_provider,
            seed=seed_for(self.task.item_id) + seed_offset,
            lease_id=self._lease_id,
        )

    def _store(self) -> str:
        self._check()
        if self.video is None:
            raise RuntimeError("a video is stored before it was encoded")
        signed = self._tools.queue.sign_upload(self.task.item_id)
        self._check()
        try:
            self._tools.shelf.store(
                signed.url,
                self.video.path,
                progress=self._progress,
                stop=lambda: self.fence.closed,
            )
        except Transient as error:
            if error.maybe_done:
                raise MaybeStored(str(error)) from None
            raise
        return signed.storage_path

    def _report(self, move: ReportCompleted | ReportFailed) -> None:
        self._check()
        queue, item_id, worker_id = self._tools.queue, self.task.item_id, self._tools.worker_id
        if isinstance(move, ReportCompleted):
            remote_id = self.video.remote_id if self.video is not None else None
            queue.report_completed(item_id, worker_id, move.storage_path, remote_id)
        else:
            queue.report_failed(item_id, worker_id, move.reason)
