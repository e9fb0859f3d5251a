"""A device to measure with: it computes for a given time, under a lock, and writes down when.

Named in settings as `tests.benchmarks.pool_device:TimedBackend`. An item's prompt says for how many
seconds the device computes. Everything around it is real: the photo is read, the frames are encoded
as H.264 and read back.
"""

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from inference.backend import CancelToken, Progress, Request, Video
from inference.mp4 import Clip, Style, write_mp4

STEPS = 40
_FRAMES, _HEIGHT, _WIDTH, _FPS = 25, 48, 64, 24


@dataclass(frozen=True)
class Span:
    """One computation: `asked_s` long, from `began` to `ended` (monotonic; None: still on)."""

    pid: int
    item_id: str
    asked_s: float
    began: float
    ended: float | None = None


class TimedBackend:
    """One process's device. `options["record"]` is the folder of the spans."""

    confirmations: ClassVar[int] = 1
    remote: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, object]) -> None:
        self._record = Path(str(options["record"])) / f"{os.getpid()}.jsonl"
        self._device = threading.Lock()

    def load(self, progress: Progress) -> None:
        """Nothing to load."""
        progress(1, 1)

    def device_uuid(self) -> str | None:
        """None: no real device."""
        return None

    def unavailable(self) -> str | None:
        """None: always fit."""
        return None

    def worn_out(self) -> str | None:
        """None: it lasts."""
        return None

    def prepare(self, request: Request) -> Request:
        """Read the photo."""
        request.photo.read_bytes()
        return request

    def infer(self, prepared: Request, progress: Progress, cancel: CancelToken) -> Clip:
        """Hold the device for as long as the prompt says."""
        asked_s = float(prepared.prompt)
        if not self._device.acquire(blocking=False):
            raise RuntimeError("two computations on one device")
        began = time.monotonic()
        self._note(item_id=prepared.item_id, asked_s=asked_s, began=began)
        try:
            for step in range(1, STEPS + 1):
                time.sleep(max(0.0, began + asked_s * step / STEPS - time.monotonic()))
                cancel.check()
                progress(step, STEPS)
        finally:
            self._note(item_id=prepared.item_id, ended=time.monotonic())
            self._device.release()
        rng = np.random.default_rng(prepared.seed % 2**32)
        shape = (_FRAMES, _HEIGHT, _WIDTH, 3)
        return Clip(rng.integers(0, 255, shape, dtype=np.uint8), _FPS)

    def encode(self, clip: Clip, target: Path, progress: Progress, cancel: CancelToken) -> Video:
        """Write a real MP4."""
        return write_mp4(clip, target, Style(30, "ultrafast"), progress, cancel)

    def close(self) -> None:
        """Nothing is held."""

    def _note(self, **what: object) -> None:
        with self._record.open("a") as file:
            file.write(json.dumps(what) + "\n")


def spans(record: Path) -> list[Span]:
    """Every computation that the processes of a run wrote down, by its beginning."""
    found = [span for file in record.glob("*.jsonl") for span in _spans_of(file)]
    return sorted(found, key=lambda span: span.began)


def _spans_of(file: Path) -> Iterable[Span]:
    lines = [json.loads(line) for line in file.read_text().split("\n")[:-1]]
    begun = [line for line in lines if "began" in line]
    ended = [line["ended"] for line in lines if "ended" in line]
    pid = int(file.stem)
    for place, line in enumerate(begun):
        yield Span(pid, **line, ended=ended[place] if place < len(ended) else None)
