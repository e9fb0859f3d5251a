"""How busy the pool keeps its devices, and what it costs: measured by hand, without a GPU.

`.venv/bin/python -m tests.benchmarks.pool [--slots 1,8,64] [--docs docs]` takes about 45 minutes
and writes docs/performance.md's part on the pool, its chart and its JSON. Nothing is computed from
assumptions: what could not be measured is not in the report.
"""

import argparse
import datetime as dt
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.benchmarks.pool_field import WAYS, Latency
from tests.benchmarks.pool_measure import (
    IdleLoad,
    Load,
    Throughput,
    deaths,
    idle,
    memory,
    throughput,
)
from tests.benchmarks.pool_page import COMMAND, Report, write

_TASKS_S = (20.0, 5.0)
_WINDOW_S = {20.0: 60.0, 5.0: 30.0}
_IDLE = IdleLoad(slots=8, interval_s=10.0, watched_s=60.0, arrivals=10)
_KILLS = 6
_MEMORY_CHILDREN, _MEMORY_TASKS = 2, 500


def main() -> None:
    """Measure everything, one thing after the other."""
    given = _flags().parse_args()
    latency = Latency(given.api_s, given.photo_s, given.upload_s)
    slots = [int(count) for count in given.slots.split(",")]
    with tempfile.TemporaryDirectory(prefix="pool-benchmark-") as name:
        folder = Path(name)
        throughputs = tuple(_throughputs(slots, latency, folder))
        report = Report(
            host=_host(),
            taken_at=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
            latency=latency,
            throughputs=throughputs,
            idle=idle(_IDLE, latency, folder / "idle"),
            deaths=deaths(8, _KILLS, latency, folder / "deaths"),
            memory=memory(_MEMORY_CHILDREN, _MEMORY_TASKS, folder / "memory"),
        )
    write(report, given.docs)
    print(f"written to {given.docs}")


def _flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    flags.add_argument("--slots", default="1,8,64", help="numbers of devices")
    flags.add_argument("--api-s", type=float, default=0.15, help="seconds for one API call")
    flags.add_argument("--photo-s", type=float, default=1.0, help="seconds for one photo")
    flags.add_argument("--upload-s", type=float, default=2.0, help="seconds for one upload")
    flags.add_argument("--docs", type=Path, default=Path("docs"), help="where the page is written")
    return flags


def _throughputs(slots: list[int], latency: Latency, folder: Path) -> Iterator[Throughput]:
    for task_s in _TASKS_S:
        for count in slots:
            load = Load(count, task_s, _WINDOW_S[task_s])
            for place, way in enumerate(WAYS):
                found = throughput(way, load, latency, folder / f"{task_s}-{count}-{place}")
                print(f"{count} devices, {task_s:g} s, {way}: busy {found.busy_share:.1%}")
                yield found


def _host() -> str:
    memory_gb = psutil.virtual_memory().total / 1e9
    cores, load = psutil.cpu_count(), psutil.getloadavg()[2]
    return (
        f"{cores} cores, {memory_gb:.0f} GB, Linux {platform.release().partition('-')[0]}, Python "
        f"{platform.python_version()}; load of the host meanwhile, others included: {load:.1f}"
    )


if __name__ == "__main__":
    main()
