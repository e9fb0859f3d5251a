"""Photos and videos as files in the data folder, each visible whole or not at all.

    DIR/group-photos/<group_id>/<photo_id>_original.<ext>
    DIR/generated-videos/<item_id>.mp4
    DIR/incoming/                          uploads that have not arrived whole

A name from outside becomes a path only if it matches its bucket's pattern, which has no room for a
path out of the folder. All of this blocks; the routes call it from worker threads.
"""

import os
import re
import tempfile
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from server.errors import AlreadyExists, NotFound

ABANDONED_AFTER_S = 24 * 3600
"""An upload whose file did not grow for this long was cut off by a crash of the server."""

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Bucket(StrEnum):
    """The two kinds of objects. The values are folder names and parts of URLs."""

    PHOTOS = "group-photos"
    VIDEOS = "generated-videos"


_NAMES = {
    Bucket.PHOTOS: re.compile(rf"{_UUID}/{_UUID}_original\.[a-z0-9]{{2,5}}"),
    Bucket.VIDEOS: re.compile(rf"{_UUID}\.mp4"),
}


def video_name(item_id: str) -> str:
    """The name of a task's video in its bucket."""
    return f"{item_id}.mp4"


def video_storage_path(item_id: str) -> str:
    """The video's path as it goes over the wire, bucket included."""
    return f"{Bucket.VIDEOS}/{video_name(item_id)}"


def photo_name(group_id: str, photo_id: str, extension: str) -> str:
    """The name of a photo in its bucket; this is also its path on the wire."""
    return f"{group_id}/{photo_id}_original.{extension}"


class Objects:
    """The stored objects under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        for part in (self._incoming, *(folder / bucket for bucket in Bucket)):
            part.mkdir(parents=True, exist_ok=True)

    def find(self, bucket: Bucket, name: str) -> Path:
        """The file of a stored object. Raises `NotFound`."""
        path = self._path(bucket, name)
        if not path.is_file():
            raise NotFound(f"no such object in {bucket}")
        return path

    def exists(self, bucket: Bucket, name: str) -> bool:
        """Whether the object was stored, whole; False for an impossible name."""
        try:
            return self.find(bucket, name).is_file()
        except NotFound:
            return False

    def receive(self, bucket: Bucket, name: str) -> "Incoming":
        """Begin to store an object. Raises `AlreadyExists`, or `NotFound` for an impossible name.

        Use it as a context manager: what was not kept when it ends is gone.
        """
        target = self._path(bucket, name)
        if target.exists():
            raise AlreadyExists
        return Incoming(self._incoming, target)

    def sweep(self, now: float) -> None:
        """Remove what a crash of the server left half-received. Called once, at the start."""
        for path in self._incoming.iterdir():
            if now - path.stat().st_mtime > ABANDONED_AFTER_S:
                path.unlink(missing_ok=True)

    def _path(self, bucket: Bucket, name: str) -> Path:
        if not _NAMES[bucket].fullmatch(name):
            raise NotFound(f"no such object in {bucket}")
        return self._folder / bucket / name


class Incoming:
    """An object on its way in: written out of sight, then linked to its name in one step."""

    def __init__(self, folder: Path, target: Path) -> None:
        self._target = target
        descriptor, name = tempfile.mkstemp(dir=folder)
        self._temporary = Path(name)
        self._file = os.fdopen(descriptor, "wb")
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Append `chunk`."""
        self._file.write(chunk)
        self.size_bytes += len(chunk)

    def keep(self) -> None:
        """Make the object visible under its name. Raises `AlreadyExists` if another was first.

        A link, not a rename: a rename would silently replace what is there.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._target.parent.mkdir(exist_ok=True)
        try:
            os.link(self._temporary, self._target)
        except FileExistsError:
            raise AlreadyExists from None
        _sync_folder(self._target.parent)


def _sync_folder(folder: Path) -> None:
    """Have a new name survive a power cut: a report of it may come right after."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
