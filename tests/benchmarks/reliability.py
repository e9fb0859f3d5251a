"""How fast a pool heals and ends, and what its supervisor costs: real processes, by hand.

`.venv/bin/python -m tests.benchmarks.reliability [--kills 96] [--costs 8,64]` prints the rows of
docs/reliability.md's table. It takes about eight minutes on an idle machine of two cores. What a
busy machine adds to a time is in it: the load is printed beside.
"""

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median, quantiles

import psutil

from tests.benchmarks.pool_field import Meter
from tests.fakes.bad_server import launched, read_log
from tests.fakes.running_pool import RunningPool, wait_until

_CHILDREN = 4
_KILLS_A_SLOT = 4
"""One more within ten minutes would quarantine the slot."""
_LIMIT_S = 1.0
_ENOUGH_FOR_P99 = 30
_POLLING_S = 0.05
_TICK_S = 0.002
_WINDOW_S = 60.0
_STARTS_WITHIN_S = 600.0
_PHOTO = b"a photo, as far as a quick backend cares"


@dataclass(frozen=True)
class Bench:
    """A server of its own and a pool against it, every child ready."""

    folder: Path
    pool: RunningPool
    add: Callable[[str], str]

    def worker_ids(self, slot: str) -> list[str]:
        """Who has polled from this slot, in order."""
        asked = (entry for entry in read_log(self.folder / "requests.jsonl"))
        polls = (entry.worker_id for entry in asked if entry.endpoint == "next-task")
        return list(dict.fromkeys(who for who in polls if f"-{slot}-" in who))

    def first_poll_s(self, worker_id: str) -> float:
        """When this worker's first poll was received."""
        log = read_log(self.folder / "requests.jsonl")
        return next(entry.received_s for entry in log if entry.worker_id == worker_id)

    def is_ready(self, children: int) -> bool:
        """Whether so many children have loaded and have nothing to do."""
        return [slot["state"] for slot in self.pool.slots()] == ["ready"] * children


@contextmanager
def bench(children: int, **settings: object) -> Iterator[Bench]:
    """A pool of so many children at an empty queue."""
    with tempfile.TemporaryDirectory(prefix="reliability-") as name, launched(Path(name)) as server:
        folder = Path(name)
        settings = {"polling_interval": _POLLING_S, "log_level": "INFO", **settings}
        pool = RunningPool(
            folder / "pool", server.url, server.key, "--workers", str(children), **settings
        )
        here = Bench(folder, pool, lambda prompt: server.admin.add_task(_PHOTO, prompt))
        try:
            wait_until(lambda: here.is_ready(children), "every child ready", _STARTS_WITHIN_S)
            yield here
        finally:
            pool.end()


@dataclass(frozen=True)
class Death:
    """Seconds from a child's SIGKILL to the first poll of the next one in its slot.

    `cpu_s` is what the next child had computed by then, other work on the machine aside.
    """

    to_poll_s: float
    cpu_s: float

    @property
    def load_aside_s(self) -> float:
        """The same without what the next child computed: its interpreter, its imports, its load."""
        return self.to_poll_s - self.cpu_s


def deaths(kills: int, children: int = _CHILDREN) -> list[Death]:
    """So many deaths among so many children, one after the other."""
    found: list[Death] = []
    while len(found) < kills:
        with bench(children) as here:
            for round_ in range(min(_KILLS_A_SLOT, ceil((kills - len(found)) / children))):
                if round_:
                    _let_each_prove_itself(here, children)
                victims = here.pool.slots()[: kills - len(found)]
                found += [_one_death(here, slot) for slot in victims]
    return found


def _one_death(here: Bench, slot: dict) -> Death:
    name, pid = slot["slot"], slot["pid"]
    known = len(here.worker_ids(name))
    others = {child.pid for child in here.pool.children()}
    died_at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(here.worker_ids(name)) > known, "the next child's poll")
    [heir] = [child for child in here.pool.children() if child.pid not in others]
    spent = heir.cpu_times()
    to_poll_s = here.first_poll_s(here.worker_ids(name)[-1]) - died_at
    return Death(to_poll_s, spent.user + spent.system)


def _let_each_prove_itself(here: Bench, children: int) -> None:
    """A task for each, so that the next wait is short again."""
    wait_until(lambda: here.is_ready(children), "every child ready")
    before = [slot["tasks_completed"] for slot in here.pool.slots()]
    for _ in range(children):
        here.add("sleep 1.5")

    def proved() -> bool:
        done = [slot["tasks_completed"] for slot in here.pool.slots()]
        return here.is_ready(children) and all(map(int.__gt__, done, before))

    wait_until(proved, "a task by each")


def killed_parent(times: int) -> list[float]:
    """Seconds from the supervisor's SIGKILL to the end of the last of its children at work."""
    found = []
    for _ in range(times):
        with bench(_CHILDREN) as here:
            for _ in range(_CHILDREN):
                here.add("sleep 60")
            wait_until(lambda: all(slot["state"] == "busy" for slot in here.pool.slots()), "work")
            children = here.pool.children()
            began = time.monotonic()
            here.pool.signal(signal.SIGKILL)
            _until_gone(children)
            found.append(time.monotonic() - began)
            here.pool.wait()
    return found


def _until_gone(processes: list[psutil.Process]) -> None:
    while any(each.is_running() and each.status() != "zombie" for each in processes):
        time.sleep(_TICK_S)


@dataclass(frozen=True)
class Hang:
    """How long a hung child lived beyond its limit, and the renewals that it sent beyond it."""

    beyond_s: float
    renewals: int


def hang(prompt: str) -> Hang:
    """A child that hangs in its inference, `_LIMIT_S` after which it counts as hung."""
    limits = {"first_step": _LIMIT_S, "infer": _LIMIT_S, "step_floor": _LIMIT_S}
    with bench(1, stall_limits=limits, heartbeat_interval=0.2, event_log=True) as here:
        [child] = here.pool.children()
        item = here.add(prompt)
        _until_gone([child])
        gone_at = time.monotonic()
        events = (here.folder / "pool" / "state" / "events" / "cpu0.jsonl").read_text()
        begun = next(line for line in events.splitlines() if '"infer_started"' in line)
        limit_at = float(begun.partition('"t": ')[2].partition(",")[0]) + _LIMIT_S
        late = [
            entry
            for entry in read_log(here.folder / "requests.jsonl")
            if (entry.endpoint, entry.item_id) == ("heartbeat", item)
            and entry.received_s > limit_at + 0.1
        ]
        return Hang(gone_at - limit_at, len(late))


def idle_drain(times: int) -> list[float]:
    """Seconds from SIGTERM to the end of a pool that has nothing to do."""
    found = []
    for _ in range(times):
        with bench(_CHILDREN) as here:
            began = time.monotonic()
            here.pool.signal(signal.SIGTERM)
            here.pool.process.wait()
            found.append(time.monotonic() - began)
    return found


def cost(children: int) -> str:
    """What the supervisor of so many idle children costs, over a minute, without its children."""
    with bench(children, polling_interval=10) as here:
        meter = Meter([psutil.Process(here.pool.process.pid)])
        time.sleep(_WINDOW_S)
        spent = meter.read()
        return f"{spent.cpu_share:.2%} of one core, {spent.rss_mib:.0f} MiB"


def main() -> None:
    """Measure everything, one thing after the other, and print each row when it is known."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--kills", type=int, default=96)
    flags.add_argument("--repeats", type=int, default=5)
    flags.add_argument("--costs", default="8,64", help="numbers of children")
    given = flags.parse_args()
    died = deaths(given.kills)
    polled = _in_words([each.to_poll_s for each in died])
    _row("child's SIGKILL to the next child's first poll", polled)
    _row("… of that, computing in the next child", _in_words([each.cpu_s for each in died]))
    _row("… without that", _in_words([each.load_aside_s for each in died]))
    _row("supervisor's SIGKILL to its last child gone", _in_words(killed_parent(given.repeats)))
    _row("idle drain, SIGTERM to exit", _in_words(idle_drain(given.repeats)))
    for prompt, words in (("hang", "interpreter free"), ("hang-gil", "interpreter held")):
        hung = hang(prompt)
        _row(
            f"hang ({words}), limit {_LIMIT_S:.0f} s",
            f"gone {hung.beyond_s:.1f} s after the limit, {hung.renewals} renewals after it",
        )
    for children in map(int, given.costs.split(",")):
        _row(f"supervisor with {children} idle children", cost(children))


def _in_words(found: list[float]) -> str:
    words = f"{len(found)} times: median {median(found):.2f} s, worst {max(found):.2f} s"
    if len(found) < _ENOUGH_FOR_P99:
        return words
    return f"{words}, p99 {quantiles(found, n=100, method='inclusive')[98]:.2f} s"


def _row(what: str, figures: str) -> None:
    print(f"| {what} | {figures} | {os.getloadavg()[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
