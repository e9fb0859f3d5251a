"""What only a whole pool shows: its status, its weight, its caps and places, its ends."""

import itertools
import json
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from pool.exit_codes import ExitCode
from tests.fakes.bad_server import Bugs, NewTask
from tests.fakes.running_pool import ROOT, wait_until
from tests.fakes.runway import Look

PHOTO = (ROOT / "tests/photos/coffee.jpg").read_bytes()
OLD = ROOT / "tests/unit/pool/settings/old_workers"
MIB = 2**20
CHILD_BYTES, PARENT_BYTES = 45 * MIB, 60 * MIB
FIRST_POLL_S = 15
"""On a quiet machine it is about one second (docs/runway.md)."""
FOR_EVER = (Look("RUNNING", 0.5),)


@pytest.fixture
def add(server):
    """Append a task for Runway, with a prompt of its own; its id."""
    turns = itertools.count(1)

    def task():
        prompt = f"the cup steams, turn {next(turns)}"
        return server.add_task(PHOTO, prompt, NewTask(worker_type="runway"))

    return task


@pytest.fixture
def start(runway, pools, expect):
    """start(*flags, **settings): a pool in Runway mode."""
    expect(confirmations=2, finished=False)
    pools.buy_from(runway)

    def begin(*flags, **settings):
        return pools.start(
            *flags,
            environ={"RUNWAY_API_KEY": runway.key},
            worker_type="runway",
            backend="runway",
            **{
                "lease_duration_seconds": 60,
                "heartbeat_interval": 20,
                "runway_base_url": runway.url,
                "runway_poll_interval": 0.2,
                **settings,
            },
        )

    return begin


def pool_status(pool, *flags):
    """What the command prints."""
    command = [ROOT / "bin/pool-status", "--state-dir", pool.folder / "state", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def reasons(pool):
    return [slot["reason"] or "" for slot in pool.slots()]


def test_at_the_days_cap_the_pool_stops_leasing_and_says_what_was_spent(server, runway, add, start):
    bought, left = add(), add()
    pool = start(runway_daily_cap_videos=1)
    wait_until(lambda: server.item(bought).status == "completed", "the video", 60)
    wait_until(lambda: "the day's cap of 1 video is reached" in reasons(pool)[0], "the cap")
    assert (len(runway.tasks), server.item(left).status) == (1, "pending")
    shown = json.loads(pool_status(pool, "--json"))["spent_today"]
    assert shown == {"videos": 1, "usd_estimate": 0.25, "cap_videos": 1, "cap_usd": None}
    assert "today (UTC): 1 video of 1 bought, about $0.25 (estimate)" in pool_status(pool)
    assert "today: 1 video, about $0.25 (estimate)" in pool.said


def test_one_place_is_shared_by_all_children_and_a_second_sigterm_cancels_what_is_in_it(
    server, runway, add, start
):
    runway.usual_script(FOR_EVER)
    first = add()
    pool = start("--workers", "2", runway_max_in_flight=1)
    full = "1 of 1 Runway tasks are in flight"
    wait_until(lambda: full in reasons(pool), "the other child's reason")
    add()
    wait_until(lambda: runway.tasks, "a Runway task")
    pool.signal(signal.SIGTERM)
    wait_until(lambda: "draining" in pool.said, "the drain")
    pool.signal(signal.SIGTERM)
    assert pool.wait(within_s=30) == ExitCode.STOPPED
    (task,) = runway.tasks
    assert task.cancelled_from == "RUNNING"
    last = [entry for entry in server.entries("heartbeat") if entry.item_id == first][-1]
    assert last.request["extend_seconds"] == 1


def test_children_that_die_while_runway_works_are_not_held_against_what_is_paid(
    server, runway, add, start
):
    runway.usual_script(FOR_EVER)
    bought = add()
    pool = start()
    for deaths in (1, 2):
        wait_until(lambda: pool.slots() and pool.slots()[0]["state"] == "busy", "a lease", 60)
        wait_until(lambda n=deaths: pool.said.count("RUNNING") == n, "Runway's progress")
        [child] = pool.children()
        child.kill()
        server.take_away(bought, lease_s=0.0)
    wait_until(lambda: pool.said.count("is taken up") == 2, "the third lease at work", 60)
    assert (len(runway.tasks), server.item(bought).status) == (1, "processing")


def test_a_pool_that_waits_is_small_and_asks_soon(server, runway, start):
    began = time.monotonic()
    pool = start("--workers", "2")
    wait_until(lambda: server.entries("next-task"), "the first question")
    assert server.entries("next-task")[0].received_s - began < FIRST_POLL_S
    pool.wait_for_states("ready", "ready")
    assert psutil.Process(pool.process.pid).memory_info().rss < PARENT_BYTES
    for child in pool.children():
        assert child.memory_info().rss < CHILD_BYTES


def test_a_task_for_a_gpu_is_given_back_and_a_bought_one_is_reported_with_runways_own_id(
    server, runway, add, start
):
    server.set_bugs(Bugs(sends_inference_provider=True))
    elsewhere = server.add_task(PHOTO, "", NewTask(worker_type="runway", provider="wan_local"))
    bought = add()
    pool = start()
    wait_until(lambda: server.item(bought).status == "completed", "the video", 60)
    [task] = runway.tasks
    [report] = server.entries("report")
    assert (report.item_id, report.request["runway_task_id"]) == (bought, task.task_id)
    assert {entry.request["worker_type"] for entry in server.entries("next-task")} == {"runway"}
    returned = [e for e in server.entries("heartbeat") if e.request["extend_seconds"] == 1]
    assert {entry.item_id for entry in returned} == {elsewhere}
    assert pool.said.count("for another kind of worker (wan_local)") == 1


def test_a_lease_that_is_lost_cancels_what_runs_at_runway(server, runway, add, start):
    runway.usual_script(FOR_EVER)
    item = add()
    start(heartbeat_interval=1)
    wait_until(lambda: runway.tasks and runway.tasks[0].looks, "a Runway task at work", 60)
    server.take_away(item)
    wait_until(lambda: runway.tasks[0].cancelled_from == "RUNNING", "the cancel")


def test_the_older_workers_own_files_start_a_pool_that_makes_a_video(
    server, runway, add, pools, expect, tmp_path
):
    expect(confirmations=2, finished=False)
    pools.buy_from(runway)
    (tmp_path / "pool/worker").mkdir(parents=True)
    shutil.copy(OLD / "runway.env", tmp_path / "pool/.env")
    shutil.copy(OLD / "runway.yaml", tmp_path / "pool/worker/config.yaml")
    bought = add()
    here = {"NEXT_API_URL": server.url, "RUNWAY_BASE_URL": runway.url, "RUNWAY_API_KEY": runway.key}
    pool = pools.start("--config", "worker/config.yaml", folder=tmp_path / "pool", environ=here)
    wait_until(lambda: server.item(bought).status == "completed", "the video", 90)
    assert "warning" not in pool.said
    [report] = server.entries("report")
    assert report.worker_id.startswith("runway-worker-001-cpu0-")
