"""The checker reads what the fake server really writes: a worker on real sockets, good and bad."""

import dataclasses
import time

import pytest

from tests.checker import Expectations, check, verdict
from tests.fakes.bad_server import BadServer, Fault, Setup, read_log
from tests.fakes.bad_server.faults import Reset

WORKER = "pool-gpu0-aaaa"
RIVAL = "rival-gpu0-bbbb"
EXPECT = Expectations(why_not_playable=lambda data: None)


@pytest.fixture
def server(tmp_path):
    with BadServer(Setup(log=tmp_path / "log.jsonl")) as running:
        yield running


@pytest.fixture
def judge(server, tmp_path):
    def judged(**changes):
        server.entries()  # waits until the last answer's line is on disk
        log = read_log(tmp_path / "log.jsonl")
        found = check(log, server, (), dataclasses.replace(EXPECT, **changes))
        return sorted({violation.rule for violation in found})

    return judged


def confirmed_lease(server, caller, lease_s=600):
    item = server.add_task(b"photo", "wave")
    caller.next_task(WORKER, lease_s=lease_s)
    time.sleep(1.0)
    caller.heartbeat(item, WORKER, extend_s=lease_s)
    return item


def test_a_worker_that_keeps_the_rules_passes(server, caller, judge):
    item = confirmed_lease(server, caller)
    caller.sign_upload(item)
    caller.upload(item)
    caller.completed(item, WORKER)
    assert judge() == []
    counts = verdict(server.entries(), server)
    assert (counts.completed, counts.videos, counts.leases, counts.lost) == (1, 1, 1, 0)


def test_a_worker_that_signs_and_uploads_after_its_403_is_caught(server, caller, judge):
    item = confirmed_lease(server, caller)
    server.take_away(item, by=RIVAL)
    assert caller.failed(item, WORKER, "The photo is empty.").status_code == 403
    time.sleep(0.3)
    caller.upload(item)
    assert judge(finished=False) == ["L5"]


def test_a_worker_that_outlives_its_deadline_is_caught(server, caller, judge):
    item = confirmed_lease(server, caller, lease_s=1.2)
    time.sleep(1.5)
    caller.sign_upload(item)
    assert judge(finished=False) == ["L5"]


def test_a_worker_that_confirms_nothing_is_caught(server, caller, judge):
    item = server.add_task(b"photo", "wave")
    caller.next_task(WORKER)
    caller.upload(item)
    caller.completed(item, WORKER)
    assert judge() == ["L2"]


def test_a_worker_that_takes_its_completed_back_is_caught(server, caller, judge):
    item = confirmed_lease(server, caller)
    caller.upload(item)
    server.set_faults(Fault("report", Reset(after_effect=True)))
    with pytest.raises(OSError, match="reset"):
        caller.completed(item, WORKER)
    caller.failed(item, WORKER, "The photo is empty.")
    assert judge() == ["E2", "R2"]
