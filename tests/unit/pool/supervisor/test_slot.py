"""One slot, driven by hand: a clock that is told, a child that has no process."""

import errno
import os
import signal

import pytest

from pool.exit_codes import ExitCode
from pool.messages import Drain, Ending, Loaded, Said, Stop
from pool.supervisor.states import SlotState
from tests.unit.pool.supervisor.fake_child import (
    ITEM,
    Cradle,
    beat,
    ended,
    quarantined,
    ready,
    working,
)

# Life


def test_a_child_is_starting_until_it_says_that_it_is_loaded():
    cradle = Cradle().start()
    cradle.round(60)
    assert (cradle.slot.state, cradle.slot.reason) == (SlotState.STARTING, "starting")
    cradle.load()
    assert (cradle.slot.state, cradle.slot.reason) == (SlotState.READY, None)


def test_a_slot_is_busy_from_the_first_word_of_a_task_to_its_end():
    cradle = ready().work()
    assert cradle.slot.state is SlotState.BUSY
    assert [task.item_id for task in cradle.slot.tasks] == [ITEM]
    cradle.child.says(ended(), beat())
    cradle.round()
    assert cradle.slot.state is SlotState.READY
    assert cradle.slot.tasks == ()


def test_a_ready_slot_says_what_its_child_waits_for():
    cradle = ready()
    cradle.child.says(beat(waiting_for="the day's quota is spent"))
    cradle.round()
    assert cradle.slot.reason == "the day's quota is spent"


@pytest.mark.parametrize(
    ("ending", "counts"),
    [
        ("completed", (1, 0, 0)),
        ("failed", (0, 1, 0)),
        ("lost", (0, 0, 1)),
        ("abandoned", (0, 0, 1)),
        ("released", (0, 0, 0)),
    ],
)
def test_tasks_are_counted_by_how_they_ended(ending, counts):
    cradle = ready().work()
    cradle.child.says(ended(ending))
    cradle.round()
    told = cradle.slot.counters
    assert (told.completed, told.failed, told.lost) == counts


def test_everything_that_a_child_says_reaches_the_watcher():
    cradle = Cradle().start()
    words = [Said(level="INFO", text="hello"), Loaded(), beat()]
    cradle.child.says(*words)
    cradle.round()
    assert cradle.watcher.messages == words


def test_a_child_that_has_not_loaded_has_no_task():
    cradle = Cradle().start()
    cradle.child.says(beat(working(cradle.now)))
    cradle.round()
    assert (cradle.slot.state, cradle.slot.tasks) == (SlotState.STARTING, ())
    assert cradle.load().work().slot.state is SlotState.BUSY


def test_a_child_loads_only_once():
    cradle = ready().work()
    cradle.child.says(Loaded())
    cradle.round()
    assert cradle.slot.state is SlotState.BUSY


# Death


def test_a_dead_child_is_buried_and_another_is_started_after_a_wait():
    cradle = ready()
    first = cradle.child
    cradle.die(-signal.SIGKILL)
    assert first.closed
    assert cradle.slot.child is None
    assert cradle.slot.state is SlotState.BACKOFF
    assert cradle.slot.reason == "killed by SIGKILL; starting again in 1 s"
    cradle.round(0.99)
    assert len(cradle.born) == 1
    cradle.round(0.01)
    assert len(cradle.born) == 2
    assert cradle.slot.state is SlotState.STARTING
    assert (cradle.slot.incarnation, cradle.slot.worker_id) == (2, "pool-cpu0-2")


def test_what_a_child_said_before_it_died_is_heard():
    cradle = ready().work()
    cradle.child.says(ended(), Ending(reason="CUDA error"))
    cradle.child.dies(ExitCode.DEVICE_UNFIT)
    cradle.slot.step(cradle.now)
    assert cradle.slot.counters.completed == 1
    assert cradle.slot.last_exit.exit.reason == "CUDA error"
    assert cradle.watcher.deaths == []


def test_a_task_that_dies_with_its_child_is_lost_and_told():
    cradle = ready().work()
    cradle.die(-signal.SIGSEGV)
    assert cradle.slot.counters.lost == 1
    assert cradle.slot.tasks == ()
    assert cradle.watcher.deaths == [(ITEM, "killed by SIGSEGV")]


@pytest.mark.parametrize(
    ("stage", "blamed"),
    [("prepare", True), ("infer", True), ("encode", True), ("download", False), ("upload", False)],
)
def test_a_task_is_blamed_only_for_what_was_computed_on_it(stage, blamed):
    cradle = ready().work(stage=stage)
    cradle.die(-signal.SIGSEGV)
    assert bool(cradle.watcher.deaths) is blamed
    assert cradle.slot.counters.lost == 1


def test_every_task_of_a_dead_child_is_lost():
    cradle = ready()
    cradle.child.says(
        beat(
            working(cradle.now, item_id="a"),
            working(cradle.now, item_id="b", stage="upload"),
            working(cradle.now, item_id="c", stage="download"),
        )
    )
    cradle.round()
    cradle.die(-signal.SIGSEGV)
    assert cradle.slot.counters.lost == 3
    assert cradle.watcher.deaths == [("a", "killed by SIGSEGV")]


def test_a_slot_is_busy_until_its_last_task_has_ended():
    cradle = ready()
    cradle.child.says(beat(working(cradle.now, item_id="a"), working(cradle.now, item_id="b")))
    cradle.child.says(ended(item_id="a"))
    cradle.round()
    assert cradle.slot.state is SlotState.BUSY
    cradle.child.says(ended(item_id="b"))
    cradle.round()
    assert cradle.slot.state is SlotState.READY


def test_a_task_is_not_blamed_for_a_child_that_was_stopped_on_purpose():
    cradle = ready().work()
    cradle.slot.stop(cradle.now)
    cradle.round(10)
    assert signal.SIGKILL in cradle.child.signals
    cradle.round()
    assert cradle.slot.state is SlotState.STOPPED
    assert cradle.watcher.deaths == []


def test_what_one_child_said_last_is_not_told_of_the_next():
    cradle = ready()
    cradle.die(ExitCode.DEVICE_UNFIT, said="CUDA error")
    cradle.come_back()
    cradle.die(ExitCode.DEVICE_UNFIT)
    assert cradle.slot.last_exit.exit.reason == "it could make no further video"


def test_the_wait_grows_with_every_death_and_is_short_again_after_a_task():
    cradle = Cradle().start()
    waits = []
    for _ in range(8):
        cradle.load().die(1, after_s=200)
        waits.append(cradle.come_back())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    cradle.load().work().child.says(ended())
    cradle.die(1, after_s=200)
    assert cradle.come_back() == 1


def test_five_deaths_in_ten_minutes_quarantine_the_slot():
    cradle = Cradle().start()
    for _ in range(4):
        cradle.load().die(1, after_s=10)
        cradle.come_back()
    cradle.load().die(1, said="out of memory", after_s=10)
    assert cradle.slot.state is SlotState.QUARANTINED
    assert cradle.slot.over
    assert cradle.slot.reason == (
        "quarantined: died 5 times in 10 minutes, the last time: out of memory"
    )
    cradle.round(1_700)
    assert len(cradle.born) == 5


def test_a_quarantined_slot_gets_one_child_on_trial_after_half_an_hour():
    cradle = quarantined()
    cradle.round(1_801)
    assert cradle.slot.state is SlotState.STARTING
    cradle.load().die(1, said="again", after_s=10)
    assert cradle.slot.state is SlotState.QUARANTINED
    assert "died on its trial" in cradle.slot.reason
    cradle.round(1_801)
    assert cradle.slot.state is SlotState.QUARANTINED, "the next trial comes after an hour"
    cradle.round(1_801)
    assert cradle.slot.state is SlotState.STARTING


def test_a_trial_that_completes_a_task_ends_the_quarantine_for_good():
    cradle = quarantined()
    cradle.round(1_801)
    cradle.load().child.says(beat(working(cradle.now)), ended("completed"), beat())
    cradle.round(1)
    cradle.die(1, after_s=10)
    assert cradle.slot.state is SlotState.BACKOFF


# A refused key


def test_a_key_that_is_refused_later_ends_no_slot():
    cradle = Cradle()
    cradle.watcher.key_accepted = True
    cradle.start().load().die(ExitCode.UNAUTHORIZED)
    assert cradle.slot.state is SlotState.BACKOFF
    assert cradle.slot.unusable is None
    cradle.come_back()
    cradle.load().slot.drain(cradle.now)
    cradle.die(ExitCode.UNAUTHORIZED)
    assert cradle.slot.state is SlotState.STOPPED
    assert cradle.slot.unusable is None


def test_a_drained_pool_tries_nothing():
    cradle = quarantined()
    cradle.slot.drain(cradle.now)
    cradle.round(100_000)
    assert len(cradle.born) == 5


def test_a_worn_out_child_is_replaced_after_a_second_and_blamed_for_nothing():
    cradle = Cradle().start()
    for _ in range(10):
        cradle.load().die(ExitCode.WORN_OUT, after_s=1)
        assert cradle.slot.state is SlotState.BACKOFF
        assert cradle.come_back() == 1
    assert len(cradle.born) == 11


def test_three_failed_starts_quarantine_the_slot():
    cradle = Cradle().start()
    for _ in range(2):
        cradle.die(1, after_s=900)
        cradle.come_back()
    cradle.die(1)
    assert cradle.slot.state is SlotState.QUARANTINED


@pytest.mark.parametrize("code", [ExitCode.CONFIG, ExitCode.UNAUTHORIZED])
def test_what_no_restart_can_cure_is_not_restarted(code):
    cradle = Cradle().start()
    cradle.die(code)
    assert cradle.slot.state is SlotState.STOPPED
    assert cradle.slot.unusable is code
    cradle.round(10_000)
    assert len(cradle.born) == 1


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EAGAIN, errno.ENOMEM])
def test_a_host_that_is_short_of_something_is_waited_for_and_nothing_is_held_against_the_slot(code):
    cradle = Cradle()
    cradle.cannot_start = OSError(code, os.strerror(code))
    cradle.start()
    waits = []
    for _ in range(8):
        assert cradle.slot.state is SlotState.BACKOFF
        assert os.strerror(code) in cradle.slot.reason
        waits.append(cradle.come_back())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    cradle.cannot_start = None
    cradle.come_back()
    cradle.die(1)
    cradle.come_back()
    cradle.die(1)
    assert cradle.slot.state is SlotState.BACKOFF, "two failed starts of its own"
    cradle.come_back()
    assert cradle.load().slot.state is SlotState.READY


def test_a_shortage_does_not_spoil_a_trial():
    cradle = quarantined()
    cradle.cannot_start = OSError(errno.ENOMEM, "Cannot allocate memory")
    cradle.round(1_801)
    assert cradle.slot.state is SlotState.BACKOFF
    cradle.cannot_start = None
    cradle.come_back()
    assert cradle.slot.state is SlotState.STARTING
    cradle.load().die(1, after_s=10)
    assert "died on its trial" in cradle.slot.reason


def test_a_host_on_which_no_child_can_ever_be_started_ends_in_quarantine():
    cradle = Cradle()
    cradle.cannot_start = OSError(errno.ENOENT, "No such file or directory")
    cradle.start()
    cradle.come_back()
    cradle.come_back()
    assert cradle.slot.state is SlotState.QUARANTINED


# Ends that are asked for


def test_a_drain_is_told_once_and_the_child_may_finish():
    cradle = ready().work()
    cradle.slot.drain(cradle.now)
    assert (cradle.slot.state, cradle.slot.reason) == (SlotState.DRAINING, "draining")
    cradle.child.says(ended())
    cradle.die(ExitCode.CLEAN, said="drained", after_s=3000)
    assert cradle.was_told(Drain) == 1
    assert cradle.slot.state is SlotState.STOPPED
    assert cradle.slot.over
    assert cradle.slot.counters.completed == 1


def test_a_slot_that_waits_for_its_backoff_drains_at_once():
    cradle = ready()
    cradle.die(1)
    cradle.slot.drain(cradle.now)
    assert cradle.slot.over
    cradle.round(100)
    assert len(cradle.born) == 1


def test_a_child_that_dies_while_it_drains_is_not_restarted():
    cradle = ready().work()
    cradle.slot.drain(cradle.now)
    cradle.die(-signal.SIGSEGV)
    assert cradle.slot.over
    assert cradle.watcher.deaths == [(ITEM, "killed by SIGSEGV")]


def test_a_stop_is_told_once_and_the_child_has_some_seconds():
    cradle = ready().work()
    cradle.slot.stop(cradle.now)
    cradle.slot.stop(cradle.now)
    assert cradle.was_told(Stop) == 1
    cradle.round(7.9)
    assert cradle.child.signals == []
    cradle.round(0.2)
    assert cradle.child.signals == [signal.SIGKILL]


def test_the_loop_wakes_in_time_for_the_kill():
    cradle = ready().work()
    cradle.slot.stop(cradle.now)
    assert cradle.slot.wake_at(cradle.now + 7.5) <= cradle.now + 8.0
