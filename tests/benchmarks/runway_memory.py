"""What the Runway mode costs a small server: memory, and the time until the queue is asked.

`.venv/bin/python -m tests.benchmarks.runway_memory [--workers 1,4,16]` takes about two minutes,
prints a table and writes docs/figures/runway-memory.json. Real children work through a queue of
photos as phones take them against the doubles of both APIs, which run in processes of their own.
"""

import argparse
import contextlib
import datetime as dt
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from PIL import Image

from tests.fakes.bad_server import launched, read_log
from tests.fakes.bad_server.remote import Remote
from tests.fakes.bad_server.server import NewTask
from tests.fakes.running_pool import ROOT, RunningPool, wait_until
from tests.fakes.runway import KEY

FIGURES = ROOT / "docs/figures/runway-memory.json"
_PHOTO = ROOT / "tests/photos/coffee.jpg"
_PHONE = (4032, 3024)
_ON_ITS_SIDE = 6
_TASKS_EACH = 2
_SETTLE_S = 3.0
_SAMPLE_S = 0.2
_WITHIN_S = 300.0


@dataclass(frozen=True)
class Memory:
    """MiB. The sum counts each page once, however many processes share it (PSS)."""

    parent: float
    child: float
    pool: float


@dataclass(frozen=True)
class Found:
    """One pool. `first_poll_s` and `all_ready_s` count from the command's start."""

    workers: int
    first_poll_s: float
    all_ready_s: float
    idle: Memory
    most_at_work: Memory
    afterwards: Memory
    tasks: int
    work_s: float


def measure(workers: int, folder: Path) -> Found:
    """One pool, from its start to the end of its last task."""
    folder.mkdir()
    with launched(folder) as server, _runway(folder) as runway_url:
        began = time.monotonic()
        with _pool(folder, server, runway_url, workers) as pool:
            ready = ["ready"] * workers
            wait_until(lambda: _states(pool) == ready, "the slots ready", _WITHIN_S)
            ready_s = time.monotonic() - began
            polls = [entry for entry in _log(folder) if entry.endpoint == "next-task"]
            time.sleep(_SETTLE_S)
            idle = _memory(pool)
            begin = time.monotonic()
            tasks = _fill(server, workers)
            samples = list(_until_done(pool, server))
            work_s = time.monotonic() - begin
            time.sleep(_SETTLE_S)
            afterwards = _memory(pool)
    return Found(
        workers=workers,
        first_poll_s=polls[0].received_s - began,
        all_ready_s=ready_s,
        idle=idle,
        most_at_work=Memory(
            max(sample.parent for sample in samples),
            max(sample.child for sample in samples),
            max(sample.pool for sample in samples),
        ),
        afterwards=afterwards,
        tasks=tasks,
        work_s=work_s,
    )


def _pool(folder: Path, server: Remote, runway_url: str, workers: int) -> RunningPool:
    return RunningPool(
        folder / "pool",
        server.url,
        server.key,
        "--mode",
        "runway",
        "--workers",
        str(workers),
        backend="runway",
        device="cuda",
        log_level="INFO",
        polling_interval=1,
        lease_duration_seconds=600,
        heartbeat_interval=120,
        runway_base_url=runway_url,
        runway_api_key=KEY,
        runway_poll_interval=1,
    )


@contextlib.contextmanager
def _runway(folder: Path) -> Iterator[str]:
    """Runway's double in a process of its own; its videos have the size that was asked for."""
    url_file = folder / "runway.url"
    command = [sys.executable, "-m", "tests.fakes.runway", "--url-file", str(url_file)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_until(lambda: url_file.exists() and url_file.read_text(), "Runway's double")
            yield url_file.read_text()
        finally:
            process.terminate()


def _fill(server: Remote, workers: int) -> int:
    """Photos as a phone takes them, 12 megapixels, every second one on its side."""
    photos = [_phone_photo(None), _phone_photo(_ON_ITS_SIDE)]
    count = workers * _TASKS_EACH
    for number in range(count):
        task = NewTask(worker_type="runway", provider="gen4_turbo")
        server.admin.add_task(photos[number % 2], "the cup steams", task)
    return count


def _phone_photo(orientation: int | None) -> bytes:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    target = io.BytesIO()
    with Image.open(_PHOTO) as photo:
        large = photo.resize(_PHONE, Image.Resampling.BICUBIC)
        large.save(target, "JPEG", quality=92, exif=exif)
    return target.getvalue()


def _until_done(pool: RunningPool, server: Remote) -> Iterator[Memory]:
    deadline = time.monotonic() + _WITHIN_S
    while any(item.status != "completed" for item in server.admin.items()):
        if time.monotonic() > deadline:
            raise AssertionError(f"the tasks were not done in time\n{pool.said[-3000:]}")
        yield _memory(pool)
        time.sleep(_SAMPLE_S)


def _memory(pool: RunningPool) -> Memory:
    """The resident size of the parent and of the largest child, and the whole pool's share."""
    parent, children = psutil.Process(pool.process.pid), pool.children()
    resident = [child.memory_info().rss for child in children]
    shared_out = sum(process.memory_full_info().pss for process in (parent, *children))
    return Memory(parent.memory_info().rss / 2**20, max(resident) / 2**20, shared_out / 2**20)


def _states(pool: RunningPool) -> list[str]:
    return [slot["state"] for slot in pool.slots()]


def _log(folder: Path) -> Sequence:
    return read_log(folder / "requests.jsonl")


def _table(found: Sequence[Found]) -> str:
    head = (
        "| Workers | First poll | All ready | Parent | Child, idle | Pool, idle | Child, most "
        "| Pool, most | Pool, afterwards |\n" + "| --- " * 9 + "|\n"
    )
    return head + "\n".join(
        f"| {one.workers} | {one.first_poll_s:.2f} s | {one.all_ready_s:.1f} s "
        f"| {one.idle.parent:.0f} MiB | {one.idle.child:.0f} MiB | {one.idle.pool:.0f} MiB "
        f"| {one.most_at_work.child:.0f} MiB | {one.most_at_work.pool:.0f} MiB "
        f"| {one.afterwards.pool:.0f} MiB |"
        for one in found
    )


def main() -> None:
    """Measure each number of workers, one after the other."""
    flags = argparse.ArgumentParser(prog="runway_memory", description=__doc__)
    flags.add_argument("--workers", default="1,4,16", help="numbers of workers")
    flags.add_argument("--json", type=Path, default=FIGURES, help="where the figures are written")
    given = flags.parse_args()
    with TemporaryDirectory(prefix="runway-memory-") as name:
        found = [measure(int(count), Path(name) / count) for count in given.workers.split(",")]
    print(_table(found))
    host = f"{psutil.cpu_count()} cores, load of the host {psutil.getloadavg()[1]:.1f}"
    report = {
        "taken_at": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "host": f"{host}, Python {sys.version.split()[0]}",
        "pools": [asdict(one) for one in found],
    }
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
