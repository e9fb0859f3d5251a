"""Signals that end a pool, and signals that only hold it up."""

import os
import signal
import time

import pytest

from tests.fakes.running_pool import wait_until

DOCKER_STOP_S = 10


def to_supervisor(pool):
    pool.signal(signal.SIGTERM)


def to_everybody_in_the_terminal(pool):
    os.killpg(pool.process.pid, signal.SIGINT)


@pytest.mark.parametrize("end", [to_supervisor, to_everybody_in_the_terminal])
def test_a_drain_finishes_what_is_in_work_and_takes_nothing_new(
    add, start, expect, watch, until_stage, end
):
    expect(finished=False)
    item = add("sleep 1.5")
    pool = start()
    until_stage(pool, "infer", item)
    end(pool)
    wait_until(lambda: "draining: SIG" in pool.said, "the drain begun")
    late = add()
    assert pool.wait() == 0
    assert watch.status_of(item, late) == ["completed", "pending"]
    assert pool.status()["pool"]["state"] == "stopped"


def given_back(watch, item):
    return [e for e in watch.sent("heartbeat", item) if e.request["extend_seconds"] == 1]


def test_a_second_signal_gives_leases_back_and_ends_within_ten_seconds(
    server, add, start, expect, watch, until_stage
):
    expect(finished=False)
    slow, hung = add("sleep 60"), add("hang-gil")
    pool = start("--workers", "2")
    until_stage(pool, "infer", slow)
    watch.until_leased(hung)
    pool.signal(signal.SIGTERM)
    wait_until(lambda: "draining: SIG" in pool.said, "the drain begun")
    began = time.monotonic()
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 9
    assert time.monotonic() - began < DOCKER_STOP_S
    assert given_back(watch, slow)
    assert server.item(slow).lease_end_s < time.monotonic()
    assert [slot["pid"] for slot in pool.slots()] == [None, None]


def test_a_signal_on_the_way_out_does_not_change_what_the_exit_code_says(start):
    pool = start()
    pool.wait_for_states("ready")
    pool.signal(signal.SIGTERM)
    wait_until(lambda: "the pool has ended: CLEAN" in pool.said, "the end")
    while pool.process.poll() is None:
        pool.signal(signal.SIGTERM)
        time.sleep(0.002)
    assert pool.wait() == 0


def test_drain_timeout_does_the_same_by_itself(add, start, expect, watch, until_stage):
    expect(finished=False)
    item = add("sleep 60")
    pool = start(drain_timeout=0.5)
    until_stage(pool, "infer", item)
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 9
    assert given_back(watch, item)
    assert "longer than drain_timeout" in pool.said


def test_a_drain_timeout_of_eight_seconds_is_over_before_docker_kills(
    add, start, expect, watch, until_stage
):
    expect(finished=False)
    slow, hung = add("sleep 60"), add("hang-gil")
    pool = start("--workers", "2", drain_timeout=8)
    until_stage(pool, "infer", slow)
    watch.until_leased(hung)
    began = time.monotonic()
    pool.signal(signal.SIGTERM)
    assert pool.wait(DOCKER_STOP_S) == 9
    assert time.monotonic() - began > 8
    assert given_back(watch, slow)


def test_a_child_that_slept_past_its_lease_sends_nothing_for_the_task(
    server, add, start, expect, watch, until_stage
):
    expect(finished=False)
    item = add("sleep 1.5")
    pool = start(lease_duration_seconds=3, heartbeat_interval=1)
    child = until_stage(pool, "infer", item)["pid"]
    os.kill(child, signal.SIGSTOP)
    server.take_away(item)
    asleep_until = time.monotonic() + 3.2
    wait_until(lambda: time.monotonic() > asleep_until, "the lease run out")
    woken = time.monotonic()
    os.kill(child, signal.SIGCONT)
    wait_until(lambda: pool.slots()[0]["tasks_lost"] == 1, "the loss noticed")
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0
    assert [e for e in watch.sent(item=item) if e.received_s > woken] == []
    assert pool.slots()[0]["restarts"] == 0


def test_children_go_on_while_the_supervisor_is_stopped_and_none_is_killed_for_it(
    add, start, watch, until_stage
):
    limit_s = 10
    limits = dict.fromkeys(("infer", "first_step", "step_floor", "confirm"), limit_s)
    pool = start("--workers", "2", stall_limits=limits)
    pool.wait_for_states("ready", "ready")
    children = sorted(child.pid for child in pool.children())
    items = [add("sleep 2") for _ in range(6)]
    until_stage(pool, "infer")
    pool.signal(signal.SIGSTOP)
    silent_until = time.monotonic() + limit_s + 1
    watch.until_all(items)
    wait_until(lambda: time.monotonic() > silent_until, "silence for longer than any limit")
    pool.signal(signal.SIGCONT)
    wait_until(lambda: sum(slot["tasks_completed"] for slot in pool.slots()) == 6, "the news heard")
    assert sorted(child.pid for child in pool.children()) == children
    assert "dumping its stacks" not in pool.said
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0
