"""From the supervisor's state to the status."""

import signal
from datetime import UTC, datetime

import pytest

from pool.gpu.readings import Device, Reading
from pool.status.snapshot import Identity, status_of
from pool.status.verdict import working_slots
from tests.unit.pool.supervisor.fake_child import Cradle, ended

CARD = Device("GPU-1", "NVIDIA H200", 3, "0000:04:00.0", None)
IDENTITY = Identity(
    id="rig",
    pid=4700,
    mode="wan",
    api_url="https://photos.example",
    version="0.1.0",
    started=900.0,
    started_at=datetime(2026, 1, 3, 8, tzinfo=UTC),
)


class Watched:
    """A supervisor as far as the status sees it."""

    def __init__(self, *cradles, draining=False, readings=None):
        self.slots = [cradle.slot for cradle in cradles]
        self.draining = draining
        self.readings = readings or {}


def snapshot(*cradles, **more):
    return status_of(IDENTITY, Watched(*cradles, **more), cradles[0].now)


@pytest.fixture
def cradle():
    return Cradle(device=CARD).start().load()


def test_the_pool_says_who_it_is_and_for_how_long(cradle):
    pool = snapshot(cradle).pool
    assert (pool.id, pool.pid, pool.uptime_s) == ("rig", 4700, 100.0)
    assert (pool.state, pool.started_at) == ("running", "2026-01-03T08:00:00Z")


def test_a_draining_pool_says_so_until_its_last_child_is_gone(cradle):
    cradle.slot.drain(cradle.now)
    assert snapshot(cradle, draining=True).pool.state == "draining"
    cradle.die(0)
    assert snapshot(cradle, draining=True).pool.state == "stopped"


def test_a_ready_slot_has_no_reason_and_no_task(cradle):
    [slot] = snapshot(cradle).slots
    assert (slot.state, slot.reason, slot.current) == ("ready", None, None)
    assert (slot.pid, slot.worker_id, slot.rss_bytes) == (1001, "pool-cpu0-1", 1_000_000)
    assert (slot.incarnation, slot.restarts) == (1, 0)


def test_a_busy_slot_shows_its_task_and_what_is_left_of_its_lease(cradle):
    cradle.work()
    cradle.round(200)
    current = snapshot(cradle).slots[0].current
    assert (current.item_id, current.stage) == ("item-1", "infer")
    assert (current.step, current.steps, current.progress) == (1, 50, 0.02)
    assert current.lease_remaining_s == 400.0


def test_what_is_left_of_a_lease_is_never_negative(cradle):
    cradle.work(limit_s=1e9)
    cradle.round(5000)
    assert snapshot(cradle).slots[0].current.lease_remaining_s == 0.0


def test_a_child_that_cannot_be_killed_is_shown_and_not_counted_as_working(cradle):
    cradle.work()
    cradle.child.held = True
    for pause_s in (101, 2, 5, 10):
        cradle.round(pause_s)
    status = snapshot(cradle)
    [slot] = status.slots
    assert (slot.state, slot.current, slot.pid) == ("quarantined", None, 1001)
    assert slot.reason == "its process cannot be killed; restart the machine"
    assert working_slots(status) == 0


def test_a_dead_child_leaves_its_last_words(cradle):
    cradle.die(-signal.SIGKILL)
    [slot] = snapshot(cradle).slots
    assert (slot.state, slot.pid, slot.rss_bytes) == ("backoff", None, None)
    assert (slot.last_exit.code, slot.last_exit.signal) == (None, 9)
    assert slot.last_exit.reason == "killed by SIGKILL"
    assert slot.last_exit.at.endswith("Z")
    assert "starting again in" in slot.reason


def test_restarts_and_tasks_are_counted_across_incarnations(cradle):
    cradle.child.says(ended("completed"), ended("failed"), ended("lost"))
    cradle.die(1)
    cradle.come_back()
    [slot] = snapshot(cradle).slots
    assert (slot.incarnation, slot.restarts) == (2, 1)
    assert (slot.tasks_completed, slot.tasks_failed, slot.tasks_lost) == (1, 1, 1)


def test_a_slot_shows_its_device_and_the_newest_reading_of_it(cradle):
    reading = Reading(1767427200.0, memory_used_bytes=5, temperature_c=61, last_xid=13)
    [slot] = snapshot(cradle, readings={"GPU-1": reading}).slots
    assert (slot.device.uuid, slot.device.name, slot.device.index) == ("GPU-1", "NVIDIA H200", 3)
    assert (slot.gpu.memory_used_bytes, slot.gpu.temperature_c, slot.gpu.last_xid) == (5, 61, 13)
    assert slot.gpu.power_w is None
    assert slot.gpu.sampled_at == "2026-01-03T08:00:00Z"


def test_without_telemetry_the_gpu_is_unknown_and_the_device_is_not(cradle):
    [slot] = snapshot(cradle).slots
    assert slot.gpu is None
    assert slot.device is not None
