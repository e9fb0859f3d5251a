"""Finished videos that have not been delivered, on disk, by their task's name.

A video costs minutes of a GPU and is finished before it is stored. If its worker dies then, or the
network does, the file waits in the state folder; when the task comes back to this host unchanged,
it is delivered and not made again.
"""

import contextlib
import json
import shutil
import time
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from client.wire import Task
from inference.backend import Video

_KEPT_S = 3 * 86_400.0
"""Older ones belong to tasks that somebody else has finished long ago."""


class Undelivered:
    """The folder of one pool's undelivered videos, shared by its children."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, task: Task, name: str, video: Video) -> Video:
        """Move a finished video here; the same video in its new place.

        The label is written last: a file without one was not finished.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._forget_old()
        place = self._folder / f"{name}.mp4"
        shutil.move(video.path, place)
        kept = Video(**{**asdict(video), "path": place})
        record = {"made_of": _made_of(task), "video": {**asdict(kept), "path": ""}}
        temporary = self._label(name).with_suffix(".tmp")
        temporary.write_text(json.dumps(record))
        temporary.replace(self._label(name))
        return kept

    def find(self, task: Task, name: str) -> Video | None:
        """The video that was made for this task as it stands, if there is one."""
        place = self._folder / f"{name}.mp4"
        try:
            record = json.loads(self._label(name).read_text())
            video = Video(**{**record["video"], "path": place})
            fits = record["made_of"] == _made_of(task)
            whole = place.stat().st_size == video.size_bytes
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return video if fits and whole else None

    def drop(self, name: str) -> None:
        """Remove the video: it was delivered, or nobody wants it any more."""
        self._label(name).unlink(missing_ok=True)
        (self._folder / f"{name}.mp4").unlink(missing_ok=True)

    def _label(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _forget_old(self) -> None:
        oldest = time.time() - _KEPT_S
        for file in self._folder.iterdir():
            # A sibling may deliver, and drop, what was listed a moment ago.
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_mtime < oldest:
                    file.unlink()


def _made_of(task: Task) -> str:
    """What tells a video's task from one that asks for another: a digest, so that no prompt stays.

    The order of the fields is part of what is on disk.
    """
    asked = (
        task.item_id,
        task.photo_storage_path,
        task.prompt,
        task.frame_num,
        task.inference_provider,
    )
    return sha256(json.dumps(asked).encode()).hexdigest()
