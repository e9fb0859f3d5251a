"""Two children of one pool on the self-hosted server, with the real WAN pipeline."""

import json
import os
import signal
import subprocess

import pytest

from pool.exit_codes import StatusExitCode
from pool.status.host import Host
from pool.status.schema import Status
from pool.status.totals import Totals
from tests.checker.judged_pools import JudgedPools
from tests.checker.playable import why_not_playable
from tests.fakes.running_pool import ROOT, wait_until

pytestmark = pytest.mark.timeout(240)
DONE_WITHIN_S = 180.0


def wan(weights, steps):
    return {"model": str(weights), "video_size": "96*64", "frame_num": 9, "steps": steps}


@pytest.fixture
def two_children(tmp_path, server, weights):
    """two_children(steps, **settings): a pool of two CPU children that make tiny WAN videos."""

    with JudgedPools(tmp_path, server.url, server.worker_key) as pools:

        def start(steps, **settings):
            settings = {"backend": "wan", "wan": wan(weights, steps), "workers": 2, **settings}
            return pools.start(folder=tmp_path / "pool", **settings)

        yield start


def status_in_json(folder):
    """`bin/pool-status --json` as a script would read it: the exit code, and the status if any."""
    command = [ROOT / "bin" / "pool-status", "--json", "--state-dir", folder / "state"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if not done.stdout:
        return done.returncode, None
    whole = json.loads(done.stdout)
    Totals.model_validate(whole.pop("totals"))
    Host.model_validate(whole.pop("host"))
    assert whole.pop("spent_today") is None
    return done.returncode, Status.model_validate_json(json.dumps(whole))


def all_completed(server):
    return all(task["status"] == "completed" for task in server.tasks())


def test_a_photo_that_cannot_be_read_is_reported_failed_and_says_so(tmp_path, server, two_children):
    page = tmp_path / "page.jpg"
    page.write_bytes(b"\xff\xd8\xff\xe0 this is not a photograph at all")
    (item,) = server.add_tasks(1, photo=page)
    with two_children(steps=2, workers=1) as pool:
        wait_until(lambda: server.task(item)["status"] == "failed", "it failed", DONE_WITHIN_S)
        pool.signal(signal.SIGTERM)
        assert pool.wait() == 0, pool.said[-3000:]
    assert server.task(item)["error_message"].startswith("the photo could not be read: ")


def test_ten_tasks_are_each_completed_once_by_two_children(tmp_path, server, two_children):
    items = server.add_tasks(10)
    seen = []

    def finished():
        seen.append(status_in_json(tmp_path / "pool"))
        return all_completed(server)

    with two_children(steps=4, lease_duration_seconds=60, heartbeat_interval=20) as pool:
        wait_until(finished, "ten completed tasks", DONE_WITHIN_S)
        pool.signal(signal.SIGTERM)
        assert pool.wait() == 0, pool.said[-3000:]
        seen.append(status_in_json(pool.folder))

    tasks = server.tasks()
    assert [task["item_id"] for task in tasks] == items
    assert {(task["lapses"], task["retry_count"]) for task in tasks} == {(0, 0)}
    assert len({task["worker_id"] for task in tasks}) == 2
    assert len(server.requests_seen(r"PUT /storage/.* 200")) == 10
    assert len(server.requests_seen(r"POST /api/worker/report .* 200")) == 10
    assert [why_not_playable(server.video(item)) for item in items] == [None] * 10

    codes, statuses = zip(*seen, strict=True)
    slots = [slot for status in statuses if status for slot in status.slots]
    assert {slot.state for slot in slots} >= {"starting", "busy", "stopped"}
    assert any(slot.current is not None for slot in slots)
    assert StatusExitCode.ALL_WORK in codes
    assert codes[-1] == StatusExitCode.NO_POOL
    assert sum(slot.tasks_completed for slot in statuses[-1].slots) == 10


def test_a_killed_child_is_back_and_its_task_is_finished_after_the_lease_ran_out(
    server, two_children
):
    server.add_tasks(4)
    with two_children(steps=60, lease_duration_seconds=6, heartbeat_interval=1.5) as pool:

        def inferring():
            busy = [slot for slot in pool.slots() if slot["current"]]
            return next((slot for slot in busy if slot["current"]["stage"] == "infer"), None)

        slot = wait_until(inferring, "a child infers", DONE_WITHIN_S)
        item = slot["current"]["item_id"]
        killed_while = server.task(item)
        os.kill(slot["pid"], signal.SIGKILL)

        def back():
            (again,) = [other for other in pool.slots() if other["slot"] == slot["slot"]]
            return again["incarnation"] == 2 and again["state"] in ("ready", "busy") and again

        again = wait_until(back, "the killed child is back", DONE_WITHIN_S)
        wait_until(lambda: all_completed(server), "every task is completed", DONE_WITHIN_S)
        pool.signal(signal.SIGTERM)
        assert pool.wait() == 0, pool.said[-3000:]

    assert again["pid"] != slot["pid"]
    assert again["worker_id"] != slot["worker_id"]
    assert again["last_exit"]["signal"] == signal.SIGKILL
    finished = server.task(item)
    assert killed_while["worker_id"] == slot["worker_id"]
    assert finished["worker_id"] != slot["worker_id"]
    assert finished["lapses"] == 1
    assert finished["finished_at"] > killed_while["leased_until"]
    assert why_not_playable(server.video(item)) is None
