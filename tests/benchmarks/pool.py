"""How busy the pool keeps its devices, and what it costs: measured by hand, without a GPU.

`.venv/bin/python -m tests.benchmarks.pool [--slots 1,8,64] [--docs docs]` takes about 35 minutes
and writes docs/performance.md's part on the pool, its chart and its JSON, anew after each
measurement: what was found is kept if the run is cut short. Nothing is computed from assumptions:
what could not be measured is not in the report.
"""

import argparse
import datetime as dt
import platform
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil

from tests.benchmarks.pool_field import WAYS, Latency
from tests.benchmarks.pool_measure import (
    IdleLoad,
    Load,
    deaths,
    idle,
    memory,
    throughput,
)
from tests.benchmarks.pool_page import COMMAND, Report, write

_TASKS_S = (20.0, 5.0)
_WINDOW_S = {20.0: 40.0, 5.0: 30.0}
_IDLE = IdleLoad(slots=8, interval_s=10.0, watched_s=60.0, arrivals=6)
_KILLS = 4
_MEMORY_CHILDREN, _MEMORY_TASKS = 2, 500


def main() -> None:
    """Measure everything, one thing after the other, and memory beside it."""
    given = _flags().parse_args()
    run = Run(Latency(given.api_s, given.photo_s, given.upload_s), given.docs)
    small, *large = (int(count) for count in given.slots.split(","))
    with (
        tempfile.TemporaryDirectory(prefix="pool-benchmark-") as name,
        ThreadPoolExecutor(1) as beside,
    ):
        folder = Path(name)
        steady = beside.submit(memory, _MEMORY_CHILDREN, _MEMORY_TASKS, folder / "memory")
        run.keep_busy(small, folder)
        run.found(idle=idle(_IDLE, run.report.latency, folder / "idle"))
        run.found(deaths=deaths(8, _KILLS, run.report.latency, folder / "deaths"))
        run.found(memory=steady.result())
        for slots in large:
            run.keep_busy(slots, folder)


class Run:
    """One run of the benchmark: what it found so far is always written down."""

    def __init__(self, latency: Latency, docs: Path) -> None:
        self.report = Report(_host(), f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", latency, ())
        self._docs = docs

    def found(self, **figures: object) -> None:
        """Add figures to the report, and write it anew."""
        self.report = replace(self.report, host=_host(), **figures)
        write(self.report, self._docs)
        print(
            {
                name: figure[-1] if isinstance(figure, tuple) else figure
                for name, figure in figures.items()
            },
            flush=True,
        )

    def keep_busy(self, slots: int, folder: Path) -> None:
        """Measure every way of working with so many devices."""
        for task_s in _TASKS_S:
            load = Load(slots, task_s, _WINDOW_S[task_s])
            for place, way in enumerate(WAYS):
                row = throughput(
                    way, load, self.report.latency, folder / f"{slots}-{task_s}-{place}"
                )
                self.found(throughputs=(*self.report.throughputs, row))


def _flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    flags.add_argument("--slots", default="1,8,64", help="numbers of devices")
    flags.add_argument("--api-s", type=float, default=0.15, help="seconds for one API call")
    flags.add_argument("--photo-s", type=float, default=1.0, help="seconds for one photo")
    flags.add_argument("--upload-s", type=float, default=2.0, help="seconds for one upload")
    flags.add_argument("--docs", type=Path, default=Path("docs"), help="where the page is written")
    return flags


def _host() -> str:
    memory_gb = psutil.virtual_memory().total / 1e9
    cores, load = psutil.cpu_count(), psutil.getloadavg()[2]
    return (
        f"{cores} cores, {memory_gb:.0f} GB, Linux {platform.release().partition('-')[0]}, Python "
        f"{platform.python_version()}; load of the host meanwhile, others included: {load:.1f}"
    )


if __name__ == "__main__":
    main()
