"""A slot whose child the driver does not let go of: SIGKILL does not end it."""

import signal

from pool.gpu.readings import Reading
from pool.supervisor.states import SlotState
from tests.unit.pool.supervisor.fake_child import ITEM, beat, ready


def held_by_the_driver(cradle):
    """Its inference hangs and is killed, in vain."""
    cradle.child.held = True
    for pause_s in (101, 2, 5):
        cradle.child.says(beat(*cradle.slot.tasks))
        cradle.round(pause_s)
    assert signal.SIGKILL in cradle.child.signals
    return cradle


def test_a_child_that_outlives_its_kill_is_given_up_ten_seconds_later():
    cradle = held_by_the_driver(ready().work())
    cradle.round(9.9)
    assert (cradle.slot.state, cradle.slot.over) == (SlotState.BUSY, False)
    cradle.round(0.2)
    assert (cradle.slot.state, cradle.slot.over) == (SlotState.QUARANTINED, True)
    assert cradle.slot.reason == "its process cannot be killed; restart the machine"
    assert (cradle.slot.tasks, cradle.slot.counters.lost) == ((), 1)
    assert cradle.watcher.deaths == [(ITEM, "it hung: no progress in infer")]


def test_no_other_child_is_started_beside_one_that_cannot_be_killed():
    cradle = held_by_the_driver(ready().work())
    cradle.round(10)
    cradle.round(100_000)
    assert len(cradle.born) == 1
    assert cradle.child.signals.count(signal.SIGKILL) == 1


def test_a_child_that_is_gone_after_all_is_followed_by_one_on_trial():
    cradle = held_by_the_driver(ready().work())
    cradle.round(10)
    cradle.child.let_go()
    cradle.round(30)
    cradle.round(1)
    assert len(cradle.born) == 2
    assert cradle.slot.state is SlotState.STARTING
    assert cradle.slot.counters.lost == 1
    assert len(cradle.watcher.deaths) == 1


def test_the_loop_does_not_spin_round_a_child_that_cannot_be_killed():
    cradle = ready().work()
    cradle.child.held = True
    cradle.slot.stop(cradle.now)
    for _ in range(100):
        cradle.round(max(0.0, cradle.slot.wake_at(cradle.now) - cradle.now))
    assert cradle.now - 1000.0 > 80


def test_a_stop_waits_less_than_ten_seconds_for_a_child_that_cannot_be_killed():
    cradle = ready().work()
    cradle.child.held = True
    cradle.slot.stop(cradle.now)
    cradle.round(8.0)
    assert cradle.child.signals == [signal.SIGKILL]
    cradle.round(1.5)
    assert cradle.slot.over
    assert cradle.watcher.deaths == []


def test_a_sick_device_that_does_not_let_go_of_its_child_ends_the_slot_all_the_same():
    cradle = ready().work()
    cradle.child.held = True
    cradle.look(Reading(0.0, repair_failed=True))
    cradle.round(1)
    assert not cradle.slot.over
    cradle.round(10)
    assert cradle.slot.over


def test_the_time_in_which_the_supervisor_was_away_is_none_to_die_in():
    cradle = held_by_the_driver(ready().work())
    cradle.now += 100
    cradle.slot.grant_grace(cradle.now)
    cradle.round()
    assert cradle.slot.state is SlotState.BUSY
