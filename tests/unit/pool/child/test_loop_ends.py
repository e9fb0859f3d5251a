"""How a child's loop ends: drained, stopped, or to make way for a fresh process."""

import pytest

from pool.child.news import Exit, Ordered, Signalled
from pool.exit_codes import ExitCode
from pool.messages import Drain, Stop, TaskEnded
from tests.unit.pool.child.held_child import UNFIT, raising
from tests.unit.pool.child.looped_child import OTHER, TASK, Child


@pytest.fixture
def child(tmp_path):
    return Child(tmp_path)


# Drains


def test_an_idle_child_drains_at_once(child):
    child.step(Ordered(Drain()))
    assert child.loop.exit == Exit(ExitCode.CLEAN, "drained")


def test_a_drain_finishes_what_is_in_work_and_gives_back_what_waits(child):
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.step(Ordered(Drain()))
    assert child.given_back(OTHER)
    assert child.loop.exit is None
    child.asked.asked_again()
    child.device.finish()
    child.step()
    assert child.told.endings == [("item-2", "released"), ("item-1", "completed")]
    assert child.loop.exit.code is ExitCode.CLEAN
    assert child.asked.asked_again() == []


def test_a_task_that_arrives_during_a_drain_is_given_back(child):
    child.asked.asking = True
    child.step(Ordered(Drain()))
    assert child.loop.exit is None, "its answer may be a lease"
    child.polled(TASK)
    assert child.given_back(TASK)
    assert child.backend.requests == []
    assert child.loop.exit.code is ExitCode.CLEAN


def test_the_renewals_go_on_during_a_drain(child):
    child.put_on_the_device()
    child.step(Ordered(Drain()))
    before = len(child.calls)
    child.pass_time(130)
    assert [call[0] for call in child.calls[before:]] == ["renew"]
    assert child.loop.exit is None


# Stops


def test_a_stopped_child_gives_its_lease_back(child):
    child.polled(TASK)
    child.step(Ordered(Stop(within_s=7.0)))
    assert child.given_back(TASK)
    assert child.loop.exit.code is ExitCode.STOPPED
    assert child.told.endings == [("item-1", "released")]


def test_a_stop_does_not_wait_for_a_device_that_does_not_stop(child):
    child.put_on_the_device()
    child.step(Ordered(Stop(within_s=7.0)))
    assert child.given_back(TASK)
    assert child.loop.exit is None
    stopped_at = child.clock.now
    child.pass_time(60)
    assert child.loop.exit == Exit(ExitCode.STOPPED, "stopped")
    assert child.clock.now - stopped_at <= 7.0
    assert child.told.endings == [("item-1", "released")]


def test_a_stop_does_not_wait_for_a_question_that_nobody_answers(child):
    child.asked.asking = True
    child.step(Ordered(Stop(within_s=7.0)))
    child.pass_time(60)
    assert child.loop.exit.code is ExitCode.STOPPED
    assert child.clock.now <= 7.0


def test_a_first_signal_drains_and_a_second_one_stops(child):
    child.put_on_the_device()
    child.step(Signalled(15))
    assert not child.given_back(TASK)
    child.step(Signalled(15))
    assert child.given_back(TASK)


def test_a_second_order_to_stop_moves_no_deadline(child):
    child.put_on_the_device()
    child.step(Ordered(Stop(within_s=7.0)))
    child.pass_time(5)
    child.step(Ordered(Stop(within_s=7.0)))
    child.pass_time(2)
    assert child.loop.exit.code is ExitCode.STOPPED


# Processes that should make way for a fresh one


def test_a_child_whose_device_broke_delivers_what_it_made_and_ends(child):
    child.deliver.holds = True
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.device.finish()
    child.step()
    child.backend.next_error = UNFIT
    child.device.finish()
    child.asked.asked_again()
    child.pass_time(2)
    assert child.told.endings == [("item-2", "abandoned")]
    assert child.loop.exit is None
    child.deliver.holds = False
    child.deliver.finish()
    child.pass_time(2)
    assert child.told.endings[-1] == ("item-1", "completed")
    assert child.loop.exit == Exit(ExitCode.DEVICE_UNFIT, str(UNFIT))
    assert child.asked.asked_again() == []


def test_an_inference_is_delivered_although_the_next_photo_ended_the_child_meanwhile(child):
    child.put_on_the_device(TASK)
    child.backend.prepare = raising(KeyError("a bug"))
    child.polled(OTHER)
    child.pass_time(2)
    assert child.told.endings == [("item-2", "abandoned")]
    child.device.finish()
    child.pass_time(2)
    assert child.told.endings[-1] == ("item-1", "completed")
    assert child.loop.exit.code is ExitCode.DEVICE_UNFIT


def test_the_task_behind_one_that_broke_the_device_is_no_suspect(child):
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.backend.next_error = UNFIT
    child.device.finish()
    child.pass_time(2)
    suspects = {ended.item_id: ended.suspect for ended in child.told.of(TaskEnded)}
    assert suspects == {"item-1": True, "item-2": False}
    assert child.given_back(OTHER)
    assert child.loop.exit.code is ExitCode.DEVICE_UNFIT


def test_a_worn_out_backend_makes_way_between_two_tasks(child):
    child.backend.worn = "its memory grew by 7 GiB over 100 videos"
    child.work_to_the_end()
    assert child.told.endings == [("item-1", "completed")]
    assert not child.told.of(TaskEnded)[0].suspect
    assert child.loop.exit == Exit(ExitCode.WORN_OUT, child.backend.worn)
