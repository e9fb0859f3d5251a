"""Processes that are killed, stopped and told to end, each at the worst moment.

docs/reliability.md has the table of what goes wrong with the test that shows it.
"""

import os
import signal
import sys
import time

import psutil
import pytest

from tests.chaos.conftest import CHAOTIC
from tests.fakes.bad_server import Fault
from tests.fakes.bad_server.faults import Delay
from tests.fakes.running_pool import wait_until

HELD_BY_THE_SERVER = {
    "confirm": "heartbeat",
    "download": "download",
    "upload": "upload",
    "report": "report",
}
HELD_BY_THE_BACKEND = ("prepare", "infer", "encode")
STAGES = (*HELD_BY_THE_SERVER, *HELD_BY_THE_BACKEND)
LONG_ENOUGH_S = 4.0
SHORT = {"lease_duration_seconds": 6, "heartbeat_interval": 1}


@pytest.fixture
def held_at(server, add, until_stage):
    """Adds a task and waits until a child has it at this stage; the task and the child's slot."""

    def leased_unheard(pool):
        """The server has leased the task, and its answer is on the way."""
        server.set_faults(Fault("next-task", Delay(LONG_ENOUGH_S, after_effect=True), times=None))
        item = add()
        wait_until(lambda: server.item(item).status == "processing", "the lease")
        server.set_faults()
        worker = server.item(item).worker_id
        return item, next(slot for slot in pool.slots() if slot["worker_id"] == worker)

    def hold(pool, stage):
        if stage == "lease":
            return leased_unheard(pool)
        if stage in HELD_BY_THE_SERVER:
            server.set_faults(Fault(HELD_BY_THE_SERVER[stage], Delay(LONG_ENOUGH_S)))
        item = add(f"linger {stage} {stage}" if stage in HELD_BY_THE_BACKEND else "ok")
        return item, until_stage(pool, stage, item)

    return hold


def let_go(pool, stage):
    (pool.folder / f"go-{stage}").touch()


@pytest.mark.timeout(300)
def test_a_child_killed_at_any_stage_costs_its_task_nothing_but_time(
    start, expect, watch, held_at, server
):
    expect(files_may_stay=True)
    pool = start("--workers", "4", backend=CHAOTIC, **SHORT)
    items = {}
    stages = ("lease", *STAGES)
    for stage in stages:
        item, slot = held_at(pool, stage)
        os.kill(slot["pid"], signal.SIGKILL)
        let_go(pool, stage)
        items[stage] = item
    watch.until_all(items.values(), within_s=120)
    assert sum(slot["restarts"] for slot in pool.slots()) == len(stages)
    stored = [entry for entry in watch.sent("upload", items["report"]) if entry.effect]
    assert len(stored) == 1, "what was stored before the death is reported, not made again"
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0


@pytest.mark.parametrize("stage", STAGES)
def test_a_drain_at_any_stage_finishes_the_task(start, watch, held_at, stage):
    pool = start(backend=CHAOTIC, lease_duration_seconds=30)
    item, slot = held_at(pool, stage)
    pool.signal(signal.SIGTERM)
    wait_until(lambda: "draining: SIGTERM" in pool.said, "the drain begun")
    let_go(pool, stage)
    assert pool.wait() == 0
    assert watch.status_of(item) == ["completed"]
    assert len(watch.leases(item)) == 1
    assert pool.slots()[0]["incarnation"] == slot["incarnation"] == 1


def test_a_task_that_is_leased_while_its_child_drains_is_given_back(start, expect, held_at, server):
    expect(finished=False)
    pool = start(backend=CHAOTIC, lease_duration_seconds=600)
    item, _slot = held_at(pool, "lease")
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0
    left = server.item(item)
    assert left.status == "processing"
    assert left.lease_end_s < time.monotonic() + 2, "its lease is as good as over"


def test_a_child_stopped_for_less_than_its_lease_goes_on(start, watch, held_at):
    pool = start(backend=CHAOTIC, lease_duration_seconds=30)
    item, slot = held_at(pool, "infer")
    os.kill(slot["pid"], signal.SIGSTOP)
    stopped = psutil.Process(slot["pid"])
    wait_until(lambda: stopped.status() == psutil.STATUS_STOPPED, "the child stopped")
    let_go(pool, "infer")
    os.kill(slot["pid"], signal.SIGCONT)
    watch.until_all([item])
    assert len(watch.leases(item)) == 1
    assert pool.slots()[0]["restarts"] == 0


ADOPTS = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_strangers_that_die_as_children_of_the_pool_are_reaped(start, add, watch):
    """What happens to process 1 of a container, without a container: orphans come to the pool."""
    pool = start(backend=CHAOTIC, through=(sys.executable, "-c", ADOPTS))
    pool.wait_for_states("ready")
    supervisor = psutil.Process(pool.process.pid)
    [child] = supervisor.children()
    watch.until_all([add("orphan")])

    def strangers():
        return [each for each in supervisor.children() if each.pid != child.pid]

    wait_until(lambda: not strangers(), "the stranger reaped")
    assert pool.slots()[0]["restarts"] == 0
