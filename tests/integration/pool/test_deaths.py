"""Children and supervisors that are killed, and items that kill."""

import os
import signal

import pytest

from tests.checker import gather_leftovers, marked
from tests.fakes.running_pool import wait_until

SHORT = {"lease_duration_seconds": 3, "heartbeat_interval": 1}


@pytest.mark.parametrize("overlap", [True, False])
def test_a_killed_child_is_back_and_its_task_is_finished_after_its_lease_ran_out(
    add, start, watch, until_stage, overlap
):
    item = add("sleep 1")
    pool = start("--workers", "2", overlap=overlap, **SHORT)
    killed = until_stage(pool, "infer", item)
    os.kill(killed["pid"], signal.SIGKILL)

    def restarted():
        [slot] = [slot for slot in pool.slots() if slot["slot"] == killed["slot"]]
        return slot if slot["state"] in ("ready", "busy") and slot["restarts"] == 1 else None

    slot = wait_until(restarted, "the slot restarted")
    assert slot["worker_id"] != killed["worker_id"]
    assert slot["last_exit"]["signal"] == signal.SIGKILL
    assert slot["last_exit"]["reason"] == "killed by SIGKILL"
    watch.until_all([item])
    first, second = watch.leases(item)
    assert second.at_s >= second.previous_lease_end_s
    assert (first.worker_id, second.previous_worker) == (killed["worker_id"],) * 2
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0
    assert pool.slots()[int(killed["slot"][-1])]["tasks_lost"] == 1


def test_children_never_outlive_a_killed_supervisor(add, pools, start, expect, until_stage):
    expect(finished=False, files_may_stay=True)
    add("sleep 60")
    pool = start("--workers", "2")
    until_stage(pool, "infer")
    pool.wait_for_states(*(slot["state"] for slot in pool.slots()))
    children = [child.pid for child in pool.children()]
    os.kill(children[0], signal.SIGSTOP)
    pool.signal(signal.SIGKILL)
    pool.wait()
    assert len(children) == 2

    wait_until(lambda: not marked(pools.mark), "the children gone", within_s=2.0)
    assert gather_leftovers(pools.mark, pool.folder).locks == ()


POISON = {
    "crash": "killed by SIGSEGV",
    "exit-0": "ended without being asked to",
    "bug": "an unexpected error in infer",
    "unfit": "the device failed over it",
}


def test_an_item_that_killed_two_children_is_reported_by_the_next(
    server, add, start, expect, watch
):
    poison = {add(prompt): how for prompt, how in POISON.items()}
    expect(may_fail=frozenset(poison))
    good = [add() for _ in range(2)]
    pool = start("--workers", "4", **SHORT)
    watch.until_all(good)
    watch.until_all(poison, "failed", within_s=60)
    for item, how in poison.items():
        assert server.item(item).error_message == f"crashed the worker twice: {how}"
        assert len(watch.leases(item)) == 3
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0


def test_what_a_dead_child_leaves_behind_is_killed_with_it(add, pools, start, expect):
    expect(finished=False)
    add("leave something behind")
    pool = start(backend="tests.integration.pool.untidy_backend:UntidyBackend")
    left = pool.folder / "left-behind.pid"
    pid = int(wait_until(lambda: left.exists() and left.read_text(), "a process left behind"))
    assert pid in [process.pid for process in marked(pools.mark)]
    (pool.folder / "left-behind.seen").touch()
    wait_until(lambda: pool.slots()[0]["restarts"] == 1, "a restart")
    assert pid not in [process.pid for process in marked(pools.mark)]
