"""Where measurements take place: a server that takes its time, and workers to watch.

The server is a process of its own; each kind of workers is started as a person starts it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tests.benchmarks.pool_device import Span, spans
from tests.fakes.bad_server import Entry, Fault, launched, read_log
from tests.fakes.bad_server.faults import Delay
from tests.fakes.bad_server.remote import Remote
from tests.fakes.running_pool import ROOT, RunningPool, wait_until

Way = Literal["overlap", "one at a time", "serial loop"]
WAYS: tuple[Way, ...] = ("overlap", "one at a time", "serial loop")

_PHOTO = bytes(20_000)
_API = ("next-task", "heartbeat", "presign-download", "presign-upload", "report")
START_WITHIN_S = 300.0
_STOP_WITHIN_S = 30.0


@dataclass(frozen=True)
class Latency:
    """How long the server takes for each kind of request, in seconds."""

    api_s: float
    photo_s: float
    upload_s: float

    def faults(self) -> tuple[Fault, ...]:
        """The same, as the fake server takes it."""
        waits = {**dict.fromkeys(_API, self.api_s)}
        waits |= {"download": self.photo_s, "upload": self.upload_s}
        return tuple(
            Fault(endpoint, Delay(wait_s), times=None)
            for endpoint, wait_s in waits.items()
            if wait_s
        )


NO_LATENCY = Latency(0.0, 0.0, 0.0)


class Field:
    """One folder with a server's log and the spans of whoever works there."""

    def __init__(self, folder: Path, server: Remote) -> None:
        self.folder = folder
        self.server = server
        self.record = folder / "record"
        self.record.mkdir()

    def add(self, tasks: int, seconds: float) -> list[str]:
        """Append tasks that keep a device for so long; their ids."""
        admin = self.server.admin
        return [admin.add_task(_PHOTO, str(seconds)) for _ in range(tasks)]

    def log(self) -> list[Entry]:
        """What the server saw so far."""
        return read_log(self.folder / "requests.jsonl")

    def spans(self) -> list[Span]:
        """What the devices computed so far."""
        return spans(self.record)


@contextlib.contextmanager
def field(folder: Path, latency: Latency) -> Iterator[Field]:
    """An empty queue behind a server with this latency."""
    folder.mkdir(parents=True)
    with launched(folder) as server:
        server.admin.set_faults(*latency.faults())
        yield Field(folder, server)


@dataclass(frozen=True)
class SlotNow:
    """What the pool's status says of a slot; `pid` 0: it has no child."""

    state: str
    pid: int
    completed: int
    rss_mib: float


class OurPool:
    """`bin/start-pool` on CPU children with timed devices."""

    def __init__(self, here: Field, slots: int, **settings: object) -> None:
        self._pool = RunningPool(
            here.folder / "pool",
            here.server.url,
            here.server.key,
            "--workers",
            str(slots),
            **{
                "backend": "tests.benchmarks.pool_device:TimedBackend",
                "backend_options": {"record": str(here.record)},
                "lease_duration_seconds": 600,
                "heartbeat_interval": 120,
                "polling_interval": 10,
                "log_level": "INFO",
                **settings,
            },
        )
        self.parent = psutil.Process(self._pool.process.pid)

    def slots(self) -> list[SlotNow]:
        """The pool's own status of each slot. RuntimeError: the pool has ended."""
        self.check()
        return [
            SlotNow(
                state=slot["state"],
                pid=slot["pid"] or 0,
                completed=slot["tasks_completed"],
                rss_mib=(slot["rss_bytes"] or 0) / 2**20,
            )
            for slot in self._pool.slots()
        ]

    def ready(self, slots: int) -> bool:
        """Whether so many slots have loaded."""
        return sum(slot.state in ("ready", "busy") for slot in self.slots()) == slots

    def check(self) -> None:
        """Raise RuntimeError when the pool has ended, with its last words."""
        if self._pool.process.poll() is not None:
            raise RuntimeError(f"the pool has ended: {self._pool.said[-1000:]}")

    def stop(self) -> None:
        """Give everything back, end, and leave no process behind."""
        for _ in range(2):
            self._pool.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._pool.wait(_STOP_WITHIN_S)
        self._pool.__exit__()


class SerialLoops:
    """The specifications' loop, one process a device."""

    parent = None

    def __init__(self, here: Field, slots: int) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.pool_serial", here.server.url]
        places = [str(here.record), str(here.folder / "serial")]
        environ = {**os.environ, "WORKER_API_KEY": here.server.key}
        self._processes = [
            subprocess.Popen([*command, *places], cwd=ROOT, env=environ) for _ in range(slots)
        ]

    def check(self) -> None:
        """Raise RuntimeError when one of them has ended."""
        if any(process.poll() is not None for process in self._processes):
            raise RuntimeError("a serial loop has ended")

    def stop(self) -> None:
        """Kill them; they know no other end."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


@contextlib.contextmanager
def our_pool(here: Field, slots: int, **settings: object) -> Iterator[OurPool]:
    """A pool of ours at work in a field."""
    pool = OurPool(here, slots, **settings)
    try:
        yield pool
    finally:
        pool.stop()


@contextlib.contextmanager
def serial_loops(here: Field, slots: int) -> Iterator[SerialLoops]:
    """The specifications' loops at work in a field."""
    loops = SerialLoops(here, slots)
    try:
        yield loops
    finally:
        loops.stop()


def until_all_have_begun(
    here: Field, running: OurPool | SerialLoops, slots: int, times: int
) -> None:
    """Wait until each of so many devices has begun its so-manieth computation."""

    def begun() -> bool:
        running.check()
        each = [span.pid for span in here.spans()]
        return sum(each.count(pid) >= times for pid in set(each)) >= slots

    wait_until(begun, f"{slots} devices at their computation {times}", START_WITHIN_S)


@dataclass(frozen=True)
class Cost:
    """What processes cost over a stretch of time: shares of one core, MiB."""

    cpu_share: float
    rss_mib: float


class Meter:
    """Measures what processes cost from its construction to `read`."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes
        self._since = time.monotonic()
        self._spent_s = self._cpu_s()

    def read(self) -> Cost:
        """The processes together since then."""
        share = (self._cpu_s() - self._spent_s) / (time.monotonic() - self._since)
        rss = sum(process.memory_info().rss for process in self._processes)
        return Cost(share, rss / 2**20)

    def _cpu_s(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(each.user + each.system for each in times)
