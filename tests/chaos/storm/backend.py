"""A backend that lays down a ready-made video, so that children cost little and die often.

Named in settings as `tests.chaos.storm.backend:ReadyMade`. It imports no picture or video code: a
thousand children have to start on two cores.

A step of an inference does what the file `order-PID` in the working folder says, once, or what the
prompt says: `hang`, `segfault`, `exit 0`.
"""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from inference.backend import CancelToken, Progress, Request, Video

STEPS = 5
PIECE_BYTES = 512
ENCODE_S = 0.05


def order_for(folder: Path, pid: int) -> Path:
    """The file that orders child `pid`, of the pool in `folder`, to do something."""
    return folder / f"order-{pid}"


class ReadyMade:
    """`options`: `video`, the file that every task gets; `infer_s`, how long that takes."""

    confirmations: ClassVar[int] = 1
    remote: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, object]) -> None:
        self._video = Path(str(options["video"]))
        self._step_s = float(str(options["infer_s"])) / STEPS

    def load(self, progress: Progress) -> None:
        """Show that there is a video to give out."""
        progress(self._video.stat().st_size, self._video.stat().st_size)

    def device_uuid(self) -> None:
        """None: there is no device."""

    def unavailable(self) -> None:
        """None: it always works."""

    def worn_out(self) -> None:
        """None: nothing wears out."""

    def prepare(self, request: Request) -> Request:
        """Read the photo, which is there unless its download was not whole."""
        request.photo.read_bytes()
        return request

    def infer(self, prepared: Request, progress: Progress, cancel: CancelToken) -> Request:
        """Take the time that was asked for."""
        for step in range(STEPS):
            time.sleep(self._step_s)
            cancel.check()
            _obey(prepared.prompt)
            _obey(_ordered())
            progress(step + 1, STEPS)
        return prepared

    def encode(self, clip: Request, target: Path, progress: Progress, cancel: CancelToken) -> Video:
        """Write the video piece by piece, so that a kill can leave half of it."""
        data = self._video.read_bytes()
        pieces = range(0, len(data), PIECE_BYTES)
        with target.open("wb") as file:
            for start in pieces:
                cancel.check()
                file.write(data[start : start + PIECE_BYTES])
                file.flush()
                time.sleep(ENCODE_S / len(pieces))
                progress(start, len(data))
        return Video(target, 9, 48, 32, 24.0, 9 / 24, len(data))

    def close(self) -> None:
        """Nothing is held."""


def _ordered() -> str:
    """What this child was ordered to do, told once: the next child would be another one."""
    file = order_for(Path(), os.getpid())
    with contextlib.suppress(FileNotFoundError):
        order = file.read_text()
        file.unlink()
        return order
    return ""


def _obey(order: str) -> None:
    match order:
        case "hang":
            time.sleep(3600)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit 0":
            os._exit(0)
