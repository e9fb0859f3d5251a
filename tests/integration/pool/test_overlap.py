"""Several leases in one child: that they overlap, how far, and that no rule of a lease suffers."""

import os
import signal
import time
from collections import defaultdict
from itertools import pairwise

import pytest

from tests.checker import read_events
from tests.checker.lease_rules import pool_of
from tests.fakes.bad_server import Fault
from tests.fakes.bad_server.faults import Delay
from tests.fakes.running_pool import wait_until

UPLOAD_S = 3.0


class Story:
    """What the children of a run wrote down, item by item."""

    def __init__(self, pool):
        self.events = read_events(pool.folder / "state" / "events")
        self._at = defaultdict(dict)
        for event in self.events:
            self._at[event.item_id][event.event] = event.t

    def at(self, item, event):
        return self._at[item][event]

    def in_order(self, event):
        """The items, in the order in which this happened to them."""
        return [seen.item_id for seen in self.events if seen.event == event]

    def between(self, begin, end, instant):
        """The items to which one thing had happened by then and the other had not."""
        return [
            item
            for item, at in self._at.items()
            if begin in at and at[begin] < instant <= at.get(end, float("inf"))
        ]


@pytest.fixture
def ended():
    """Drains a pool; its story."""

    def drain(pool):
        pool.signal(signal.SIGTERM)
        assert pool.wait() == 0
        return Story(pool)

    return drain


def slow_uploads(server):
    server.set_faults(Fault("upload", Delay(UPLOAD_S), times=None))


def test_a_child_leases_and_delivers_while_its_device_works(server, add, start, watch, ended):
    slow_uploads(server)
    items = [add("sleep 1.5") for _ in range(4)]
    pool = start("--workers", "1", event_log=True, lease_duration_seconds=20)
    watch.until_all(items)
    story = ended(pool)
    done = story.in_order("completed")
    assert sorted(done) == sorted(items)
    for item, following in pairwise(done):
        assert story.at(following, "leased") < story.at(item, "completed")
        assert story.at(following, "infer_started") < story.at(item, "completed")
    for item in items:
        began = story.at(item, "infer_started")
        assert story.between("infer_started", "infer_ended", began) == [], "one device, two tasks"
        waiting = story.between("infer_ended", "completed", began)
        assert len(waiting) <= 1, "it worked on while two videos waited for their delivery"
    held = [len(story.between("leased", "completed", story.at(i, "completed"))) for i in items]
    assert max(held) == 3


def test_without_overlap_a_child_does_one_task_at_a_time(add, start, watch, ended):
    items = [add("sleep 0.5") for _ in range(3)]
    pool = start("--workers", "1", event_log=True, overlap=False)
    watch.until_all(items)
    story = ended(pool)
    for item in items:
        assert story.between("leased", "completed", story.at(item, "leased")) == []


@pytest.fixture
def three_in_one_hand(server, add, start):
    """Brings a child into the middle of its work; its pool, and its leases in order of taking."""

    def hold(lease_s=60):
        slow_uploads(server)
        items = [add("sleep 1.5") for _ in range(4)]
        pool = start("--workers", "1", lease_duration_seconds=lease_s, heartbeat_interval=1)

        def held():
            found = [item.item_id for item in server.items() if item.status == "processing"]
            return sorted(found, key=items.index) if len(found) == 3 else None

        return pool, items, wait_until(held, "three leases in one hand")

    return hold


def test_a_child_that_is_killed_with_three_leases_loses_nothing(
    three_in_one_hand, server, watch, ended
):
    pool, items, held = three_in_one_hand(lease_s=4)
    killed = server.item(held[0]).worker_id
    os.kill(pool.slots()[0]["pid"], signal.SIGKILL)
    server.set_faults()
    watch.until_all(items, within_s=60.0)
    ended(pool)
    holders = {entry.worker_id for entry in watch.sent("next-task")}
    assert {pool_of(holder) for holder in holders} == {pool_of(killed)}
    assert len(holders) == 2


def test_of_three_leases_each_is_lost_on_its_own(three_in_one_hand, server, watch, ended):
    pool, items, held = three_in_one_hand()
    *kept, lost = held
    server.take_away(lost, lease_s=5.0)
    watch.until_all(items, within_s=60.0)
    ended(pool)
    assert [len(watch.leases(item)) for item in kept] == [1, 1]
    assert len(watch.leases(lost)) == 2


def test_a_stop_with_three_leases_gives_back_what_it_cannot_deliver(
    three_in_one_hand, server, expect
):
    expect(finished=False)
    pool, _, held = three_in_one_hand()
    pool.signal(signal.SIGTERM)
    wait_until(lambda: "draining: SIG" in pool.said, "the drain begun")
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 9

    def free():
        ends = [server.item(item) for item in held]
        return all(end.status == "completed" or end.lease_end_s < time.monotonic() for end in ends)

    wait_until(free, "every lease at its end", within_s=5)
