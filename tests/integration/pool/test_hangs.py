"""Inferences that hang: seen, dumped, killed, and their leases let go meanwhile."""

import signal

from tests.checker.model import of_item
from tests.fakes.running_pool import wait_until

SILENT_AFTER_S = 1
OF_A_BUSY_MACHINE_S = 10


def test_a_hung_inference_loses_its_lease_and_its_process(add, start, expect, pools, watch):
    """Both ways to hang at once: with the interpreter running beside it, and with it held."""
    expect(finished=False)
    items = [add("hang"), add("hang-gil")]
    inference = dict.fromkeys(("first_step", "infer", "step_floor"), SILENT_AFTER_S)
    limits = {"confirm": 30, **inference}
    pool = start(
        "--workers", "2", lease_duration_seconds=60, heartbeat_interval=0.4, stall_limits=limits
    )
    wait_until(
        lambda: pool.slots() and all(slot["restarts"] == 1 for slot in pool.slots()),
        "both slots restarted",
        60,
    )
    for slot in pool.slots():
        assert slot["last_exit"]["signal"] == signal.SIGKILL
        assert slot["last_exit"]["reason"].startswith("it hung: no progress in ")
        stacks = (pool.folder / "logs" / f"{slot['slot']}.out").read_text()
        assert "_misbehave" in stacks
        assert "most recent call first" in stacks
    for item in items:
        [lease] = watch.leases(item)
        renewals = [e for e in watch.sent("heartbeat", item) if e.worker_id == lease.worker_id]
        assert renewals
        [begun] = of_item(pools.events(), item, "infer_started")
        assert renewals[-1].received_s < begun.t + SILENT_AFTER_S + OF_A_BUSY_MACHINE_S
    pool.wait_for_states("ready", "ready")
    assert pool.said.count("; dumping its stacks") == 2


def test_a_child_that_holds_its_interpreter_keeps_no_task_from_the_others(
    add, start, expect, server, pools
):
    expect(finished=False)
    hung = add("hang-gil")
    limits = dict.fromkeys(("first_step", "infer", "step_floor"), 120)
    pool = start("--workers", "2", lease_duration_seconds=60, stall_limits=limits)
    wait_until(lambda: list(of_item(pools.events(), hung, "infer_started")), "the hang")
    others = [add() for _ in range(6)]
    wait_until(lambda: {server.item(item).status for item in others} == {"completed"}, "the others")
    assert [slot["restarts"] for slot in pool.slots()] == [0, 0]
    assert server.item(hung).status == "processing"
