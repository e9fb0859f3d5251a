"""Samples of every slot over the last hours: in memory for the charts, on disk for a restart."""

import fcntl
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pool.status.schema import SlotStatus, Status

EVERY_S = 15.0
KEPT_S = 6 * 3600.0
LARGEST_BYTES = 5_000_000
"""Some six hours of eight slots fill half of this; then the file becomes `….1`."""


@dataclass(frozen=True, slots=True)
class SlotSample:
    """One slot at one moment. What is not known is None."""

    state: str
    load_percent: int | None = None
    memory_bytes: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None

    @classmethod
    def of(cls, slot: SlotStatus) -> "SlotSample":
        """The sample that a slot's status gives."""
        gpu = slot.gpu
        if gpu is None:
            return cls(slot.state)
        return cls(
            slot.state,
            gpu.utilization_percent,
            gpu.memory_used_bytes,
            gpu.temperature_c,
            gpu.power_w,
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """Every slot at one moment. `at` is wall-clock seconds since 1970."""

    at: float
    slots: dict[str, SlotSample] = field(default_factory=dict)

    @classmethod
    def of(cls, status: Status, at: float) -> "Sample":
        """The sample that a status gives."""
        return cls(round(at, 1), {slot.slot: SlotSample.of(slot) for slot in status.slots})


class History:
    """The samples of the last `KEPT_S`. Used by one thread.

    Of several processes that show the same pool, the one that holds the lock beside the file writes
    it. A file that cannot be written costs the memory of a restart, never the page.
    """

    def __init__(self, path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._path = path
        self._largest_bytes = largest_bytes
        self._samples: deque[Sample] = deque(_read(path))
        self._lock = _try_lock(path.with_suffix(".lock"))

    @property
    def samples(self) -> Sequence[Sample]:
        """What is kept, oldest first."""
        return tuple(self._samples)

    def due(self, now: float) -> bool:
        """Whether the next sample is to be taken at the wall-clock second `now`."""
        # A clock that was set back must not stop the sampling.
        return not self._samples or not 0 <= now - self._samples[-1].at < EVERY_S

    def add(self, sample: Sample) -> None:
        """Keep one more, and forget those that are too old."""
        self._samples.append(sample)
        while self._samples[0].at < sample.at - KEPT_S:
            self._samples.popleft()
        if self._lock is not None:
            self._write(sample)

    def close(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, sample: Sample) -> None:
        line = json.dumps(asdict(sample), separators=(",", ":"))
        try:
            if self._path.exists() and self._path.stat().st_size >= self._largest_bytes:
                self._path.replace(_older(self._path))
            with self._path.open("a") as file:
                file.write(f"{line}\n")
        except OSError:
            return


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _read(path: Path) -> Iterator[Sample]:
    """The samples on disk, oldest first; a line that is none is skipped."""
    for file in (_older(path), path):
        try:
            lines = file.read_bytes().splitlines()
        except OSError:
            continue
        for line in lines:
            try:
                record = json.loads(line)
                slots = {name: SlotSample(**slot) for name, slot in record["slots"].items()}
                yield Sample(float(record["at"]), slots)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue


def _try_lock(path: Path) -> int | None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd
