"""The measurements. Each starts its own server and workers, and leaves nothing behind."""

import os
import random
import signal
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.benchmarks.pool_field import (
    NO_LATENCY,
    START_WITHIN_S,
    Field,
    Latency,
    Meter,
    OurPool,
    SerialLoops,
    Way,
    field,
    our_pool,
    serial_loops,
    until_all_have_begun,
)
from tests.benchmarks.pool_figures import (
    Slope,
    Window,
    busy_share,
    made_twice,
    polls,
    requests_per_s,
    slope,
    videos_per_hour,
)
from tests.fakes.running_pool import wait_until

_SAMPLE_S = 1.0


@dataclass(frozen=True)
class Load:
    """A backlog: so many devices, tasks that compute for so long, measured for so long."""

    slots: int
    task_s: float
    window_s: float

    @property
    def tasks(self) -> int:
        """More than can be done until the window is over, however late the last device starts."""
        longest_s = self.window_s + 10 + 1.5 * self.slots
        return int(self.slots * (4 + longest_s / self.task_s))


@dataclass(frozen=True)
class Throughput:
    """One way of working under one load. Shares of CPU are of one core."""

    way: Way
    slots: int
    task_s: float
    window_s: float
    busy_share: float
    videos_per_hour: float
    requests_per_s: float
    made_twice: int
    host_cpu_share: float
    parent_cpu_share: float | None
    parent_rss_mib: float | None
    child_rss_mib: float | None


def throughput(way: Way, load: Load, latency: Latency, folder: Path) -> Throughput:
    """Measure one way of working, from every device's second task on."""
    with field(folder, latency) as here:
        here.add(load.tasks, load.task_s)
        with _at_work(way, here, load.slots) as running:
            until_all_have_begun(here, running, load.slots, 2)
            parent = Meter([running.parent] if running.parent else [])
            psutil.cpu_percent()
            begin = time.monotonic()
            time.sleep(load.window_s)
            window = Window(begin, time.monotonic())
            host_share = psutil.cpu_percent() / 100 * (psutil.cpu_count() or 1)
            cost, child_rss_mib = parent.read(), _child_rss_mib(running)
            found, log = here.spans(), here.log()
    ours = running.parent is not None
    return Throughput(
        way=way,
        slots=load.slots,
        task_s=load.task_s,
        window_s=window.length_s,
        busy_share=busy_share(found, window, load.slots),
        videos_per_hour=videos_per_hour(found, window),
        requests_per_s=requests_per_s(log, window),
        made_twice=made_twice(log),
        host_cpu_share=host_share,
        parent_cpu_share=cost.cpu_share if ours else None,
        parent_rss_mib=cost.rss_mib if ours else None,
        child_rss_mib=child_rss_mib,
    )


def _at_work(way: Way, here: Field, slots: int) -> AbstractContextManager[OurPool | SerialLoops]:
    match way:
        case "overlap":
            return our_pool(here, slots)
        case "one at a time":
            return our_pool(here, slots, overlap=False)
        case "serial loop":
            return serial_loops(here, slots)


def _child_rss_mib(running: OurPool | SerialLoops) -> float | None:
    if running.parent is None:
        return None
    return median(child.memory_info().rss for child in running.parent.children()) / 2**20


@dataclass(frozen=True)
class Idle:
    """A pool with nothing to do, into which tasks drop one by one."""

    slots: int
    interval_s: float
    watched_s: float
    polls: int
    parent_cpu_share: float
    arrival_to_work_s: tuple[float, ...]

    @property
    def polls_per_interval(self) -> float:
        """Questions in the time in which one is allowed."""
        return self.polls * self.interval_s / self.watched_s


@dataclass(frozen=True)
class IdleLoad:
    """How long an idle pool is watched, and how many tasks arrive then."""

    slots: int
    interval_s: float
    watched_s: float
    arrivals: int


def idle(load: IdleLoad, latency: Latency, folder: Path) -> Idle:
    """Watch an idle pool, then let tasks arrive at moments that nobody can foresee."""
    with (
        field(folder, latency) as here,
        our_pool(here, load.slots, polling_interval=load.interval_s) as pool,
    ):
        wait_until(lambda: pool.ready(load.slots), "the slots ready", START_WITHIN_S)
        parent, begin = Meter([pool.parent]), time.monotonic()
        time.sleep(load.watched_s)
        window, cost = Window(begin, time.monotonic()), parent.read()
        waits = tuple(_arrival(here, load.interval_s) for _ in range(load.arrivals))
        log = here.log()
    return Idle(
        slots=load.slots,
        interval_s=load.interval_s,
        watched_s=window.length_s,
        polls=polls(log, window),
        parent_cpu_share=cost.cpu_share,
        arrival_to_work_s=waits,
    )


def _arrival(here: Field, interval_s: float) -> float:
    """Seconds from a task's arrival until a device works on it."""
    time.sleep(interval_s * random.random())
    arrived = time.monotonic()
    [item_id] = here.add(1, 0.1)

    def began() -> float | None:
        return next((span.began for span in here.spans() if span.item_id == item_id), None)

    began_at = wait_until(began, f"work on {item_id}")
    wait_until(lambda: here.server.admin.item(item_id).status == "completed", "its end")
    return began_at - arrived


@dataclass(frozen=True)
class Deaths:
    """Children killed one after the other while a backlog waits."""

    slots: int
    death_to_work_s: tuple[float, ...]
    start_s: float
    """From the pool's start until every slot was ready."""


def deaths(slots: int, kills: int, latency: Latency, folder: Path) -> Deaths:
    """Kill children in the middle of their work; how soon does another one work in the slot?"""
    with field(folder, latency) as here:
        here.add(slots * (20 + 4 * kills), 5.0)
        begin = time.monotonic()
        with our_pool(here, slots) as pool:
            wait_until(lambda: pool.ready(slots), "the slots ready", START_WITHIN_S)
            start_s = time.monotonic() - begin
            until_all_have_begun(here, pool, slots, 1)
            waits = tuple(_death(here, pool, place % slots) for place in range(kills))
    return Deaths(slots, waits, start_s)


def _death(here: Field, pool: OurPool, place: int) -> float:
    """Seconds from a child's death until its successor computes."""
    slot = pool.slots()[place]
    killed_at = time.monotonic()
    os.kill(slot.pid, signal.SIGKILL)

    def again() -> float | None:
        successor = pool.slots()[place].pid
        begun = [span.began for span in here.spans() if span.pid == successor]
        return begun[0] if successor != slot.pid and begun else None

    return wait_until(again, f"work in slot {place} again", 60.0) - killed_at


@dataclass(frozen=True)
class Memory:
    """The resident memory of children over many tasks. `per_100_tasks`: MiB, second half."""

    children: int
    tasks_each: int
    first_mib: float
    last_mib: float
    per_100_tasks: Slope


def memory(children: int, tasks_each: int, folder: Path) -> Memory:
    """Let children do many tasks as fast as the lease rules allow."""
    with field(folder, NO_LATENCY) as here:
        here.add(children * (tasks_each + 50), 0.05)
        points: list[tuple[int, float]] = []
        with our_pool(here, children) as pool:
            while not points or min(done for done, _ in points[-children:]) < tasks_each:
                time.sleep(_SAMPLE_S)
                points += [(slot.completed, slot.rss_mib) for slot in pool.slots()]
    half = [(done / 100, mib) for done, mib in points if done >= tasks_each / 2]
    warm = [mib for done, mib in points if 0.02 <= done / tasks_each < 0.1]
    last = [mib for done, mib in points if done >= 0.9 * tasks_each]
    return Memory(children, tasks_each, median(warm), median(last), slope(half))
