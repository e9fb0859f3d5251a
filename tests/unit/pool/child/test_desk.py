"""Several tasks side by side: who may use the device, and when another one is wanted."""

import pytest

from pool.child.desk import SEATS, Wish
from pool.lease.moves import Ending
from pool.lease.order import Phase
from pool.lease.rhythm import Rhythm
from tests.unit.pool.child.held_child import BAD, LEASE_S, UNFIT, HeldDesk


@pytest.fixture
def held(tmp_path):
    return HeldDesk(tmp_path)


def on_device(held):
    return [task.task.item_id for task in held.desk.tasks if task.inferring]


def in_work(held):
    return [task.task.item_id for task in held.desk.tasks]


# The order on the device


def test_one_task_at_a_time_is_on_the_device(held):
    held.make_ready("a")
    held.make_ready("b")
    assert on_device(held) == ["a"]
    assert len(held.lanes.device.waiting) == 1


def test_the_next_task_starts_in_the_step_in_which_the_device_is_free(held):
    held.make_ready("a")
    held.make_ready("b")
    held.lanes.deliver.holds = True
    held.finish_inference()
    assert on_device(held) == ["b"]


def test_the_former_task_is_delivered_while_the_device_works(held):
    held.make_ready("a")
    held.make_ready("b")
    held.finish_inference()
    assert held.sent("a")[-1] == "completed"
    assert in_work(held) == ["b"]


def test_a_second_undelivered_video_holds_the_device_back(held):
    held.lanes.deliver.holds = True
    for item_id in "abc":
        held.make_ready(item_id)
    held.finish_inference()
    assert on_device(held) == ["b"]
    held.finish_inference()
    assert on_device(held) == []
    held.lanes.deliver.holds = False
    while held.lanes.deliver.waiting:
        held.lanes.deliver.finish()
    held.settle()
    assert on_device(held) == ["c"]


def test_a_task_lost_on_the_device_keeps_it_until_the_backend_has_stopped(held):
    work = held.make_ready("a")
    held.make_ready("b")
    work.job.lease = work.job.lease.refused()
    held.settle()
    assert work.job.ending is Ending.LOST
    assert on_device(held) == ["a"]
    held.finish_inference()
    assert on_device(held) == ["b"]


def test_an_item_leased_again_waits_until_its_lost_lease_is_over(held):
    lost = held.make_ready("a")
    lost.job.lease = lost.job.lease.refused()
    held.settle()
    before = len(held.sent("a"))
    again = held.take("a")
    held.pass_time(3)
    assert len(held.sent("a")) == before
    assert held.desk.wake_at(held.clock.now) > held.clock.now
    held.finish_inference()
    held.desk.take_away_finished(at_once=False)
    held.pass_time(3)
    assert again.inferring


def test_a_second_try_goes_before_the_task_that_waits(held):
    held.make_ready("a")
    held.make_ready("b")
    held.backend.next_error = BAD
    held.finish_inference()
    assert on_device(held) == ["a"]
    held.finish_inference()
    assert on_device(held) == ["b"]


# What killed a child once


def test_a_suspect_waits_until_everything_else_is_over(held):
    held.lanes.deliver.holds = True
    held.make_ready("a")
    held.make_ready("suspect", alone=True)
    prepared = len(held.backend.requests)
    held.finish_inference()
    assert on_device(held) == []
    assert len(held.backend.requests) == prepared == 1, "its photo is not even opened"
    held.lanes.deliver.holds = False
    held.lanes.deliver.finish()
    held.settle()
    assert in_work(held) == on_device(held) == ["suspect"]


def test_nothing_is_taken_beside_a_suspect(held):
    held.make_ready("suspect", alone=True)
    assert on_device(held) == ["suspect"]
    held.desk.rhythm = Rhythm().inferred(2, 1.0)
    assert held.desk.wish(held.clock.now) is Wish.NONE
    held.lanes.deliver.holds = True
    held.finish_inference()
    assert held.desk.wish(held.clock.now) is Wish.NONE
    held.lanes.deliver.finish()
    held.lanes.deliver.holds = False
    held.settle()
    assert held.desk.wish(held.clock.now) is Wish.NOW


def test_a_suspect_that_waits_keeps_nobody_waiting(held):
    held.make_ready("a")
    held.make_ready("suspect", alone=True)
    held.backend.next_error = BAD
    for _ in range(3):
        held.finish_inference()
    assert held.sent("a")[-1] == held.sent("suspect")[-1] == "completed"
    assert in_work(held) == []


# What else is wanted


def test_an_empty_desk_wants_a_task_now(held):
    assert held.desk.wish(0) is Wish.NOW


def test_a_child_that_only_delivers_wants_a_task_now(held):
    held.lanes.deliver.holds = True
    held.make_ready("a")
    held.finish_inference()
    assert held.desk.wish(held.clock.now) is Wish.NOW


def test_slow_delivery_stops_the_taking_of_new_tasks(held):
    held.lanes.deliver.holds = True
    held.make_ready("a")
    held.make_ready("b")
    held.finish_inference()
    held.finish_inference()
    assert held.desk.wish(held.clock.now) is Wish.NONE


def test_nothing_is_wanted_while_a_task_is_on_its_way_to_the_device(held):
    held.take("a")
    held.settle()
    assert held.desk.wish(held.clock.now) is Wish.NONE


def test_a_second_task_is_never_made_ready_behind_one_that_is(held):
    held.desk.rhythm = Rhythm().inferred(2, 1.0)
    held.make_ready("a")
    held.make_ready("b")
    assert held.desk.wish(held.clock.now) is Wish.NONE


@pytest.mark.parametrize(
    ("after_s", "wish"), [(10, Wish.NONE), (54, Wish.NONE), (55, Wish.NEXT), (57, Wish.SOON)]
)
def test_the_next_task_is_wanted_at_the_learned_moment(held, after_s, wish):
    held.desk.rhythm = Rhythm().inferred(0, 60.0).readied(2.0)
    work = held.make_ready("a")
    assert held.desk.wish(work.infer_started_at + after_s) is wish


def test_without_overlap_nothing_is_wanted_until_the_last_task_is_over(tmp_path):
    held = HeldDesk(tmp_path, overlap=False)
    held.desk.rhythm = Rhythm().inferred(0, 1.0)
    held.lanes.deliver.holds = True
    held.make_ready("a")
    assert held.desk.wish(held.clock.now + 60) is Wish.NONE
    held.finish_inference()
    assert held.desk.wish(held.clock.now + 60) is Wish.NONE


def test_seats_are_given_out_again(held):
    assert [held.take(item_id).seat for item_id in "abc"] == list(range(SEATS))
    del held.desk.tasks[1]
    assert held.take("d").seat == 1


# What is learned


def test_how_long_a_task_takes_to_be_ready_is_counted_from_the_question(held):
    held.lanes.fetch.holds = True
    held.take("a")
    held.pass_time(7)
    held.lanes.fetch.holds = False
    held.lanes.fetch.finish()
    held.pass_time(1)
    assert held.desk.rhythm.ready_s == (7.0,)


def test_a_task_that_waits_for_the_device_was_ready_before(held):
    held.make_ready("a")
    held.make_ready("b")
    held.pass_time(60)
    held.finish_inference()
    assert held.desk.rhythm.ready_s == (1.0, 1.0)


def test_a_suspect_teaches_nothing(held):
    held.make_ready("a")
    held.make_ready("suspect", alone=True)
    held.pass_time(60)
    held.finish_inference()
    assert len(held.desk.rhythm.ready_s) == 1


def test_how_long_an_inference_takes_is_learned_when_it_succeeds(held):
    held.make_ready("a")
    held.backend.while_inferring = lambda: held.pass_unseen(42)
    held.finish_inference()
    assert held.desk.rhythm.infer_s == {2: (42.0,)}


def limit_in_the_second_inference(held):
    held.make_ready("a")
    held.backend.while_inferring = lambda: held.pass_unseen(2.5)
    held.finish_inference()
    held.make_ready("b")
    [work] = held.desk.tasks
    assert work.inferring
    return work.current(held.clock.now).limit_s


def test_the_second_task_of_a_process_is_given_no_first_step_of_half_an_hour(held):
    """Its inference says nothing at all: a hang before the first step."""
    assert limit_in_the_second_inference(held) == 30.0


def test_a_hang_before_the_first_step_of_a_later_task_lets_its_lease_go(held):
    limit_s = limit_in_the_second_inference(held)
    held.pass_time(limit_s + 1)
    renewals = len(held.sent("b", "renew"))
    held.pass_time(LEASE_S - limit_s - 60)
    assert len(held.sent("b", "renew")) == renewals


def test_a_wait_for_a_service_elsewhere_teaches_nothing(held):
    held.backend.remote = True
    assert limit_in_the_second_inference(held) == 200.0


def test_an_inference_that_failed_after_a_step_has_warmed_the_process_up(held):
    def infer(_prepared, progress, _cancel):
        progress(1, 2)
        raise BAD

    held.backend.infer = infer
    held.make_ready("a")
    held.finish_inference()
    [work] = held.desk.tasks
    assert work.inferring, "the second try"
    assert work.current(held.clock.now).limit_s < 200.0


# Ends


def test_a_drain_gives_back_what_waits_behind_the_device_and_nothing_else(held):
    held.lanes.deliver.holds = True
    for item_id in "abc":
        held.make_ready(item_id)
    held.finish_inference()
    held.desk.give_back_waiting(held.clock.now)
    held.settle()
    assert held.given_back("c")
    assert in_work(held) == ["a", "b"]


def test_a_drain_gives_back_what_waits_for_a_slow_delivery(held):
    held.lanes.deliver.holds = True
    for item_id in "abc":
        held.make_ready(item_id)
    held.finish_inference()
    held.finish_inference()
    held.desk.give_back_waiting(held.clock.now)
    held.settle()
    assert held.given_back("c")
    assert in_work(held) == ["a", "b"]


def test_a_drain_finishes_the_task_that_was_about_to_start(held):
    held.take("a")
    held.settle()
    held.desk.give_back_waiting(held.clock.now)
    held.pass_time(2)
    assert on_device(held) == ["a"]


def test_nothing_starts_on_a_device_that_is_unfit(held):
    held.make_ready("a")
    held.make_ready("b")
    held.backend.next_error = UNFIT
    held.finish_inference()
    assert held.desk.unfit == "CUDA error: device-side assert triggered"
    assert on_device(held) == []
    assert held.given_back("b")
    assert held.backend.inferred == []


def test_what_was_made_before_the_device_broke_is_delivered(held):
    held.lanes.deliver.holds = True
    held.make_ready("a")
    held.make_ready("b")
    held.finish_inference()
    held.backend.next_error = UNFIT
    held.finish_inference()
    held.lanes.deliver.holds = False
    held.lanes.deliver.finish()
    held.settle()
    assert held.sent("a")[-1] == "completed"
    assert in_work(held) == []


def test_a_second_try_on_a_device_that_is_unfit_is_given_back(held):
    work = held.make_ready("a")
    held.desk.unfit = "a bug elsewhere"
    held.backend.next_error = BAD
    held.finish_inference()
    assert held.given_back("a")
    assert work.job.ending is Ending.RELEASED


def test_everything_can_be_given_back_at_once(held):
    for item_id in "abc":
        held.make_ready(item_id)
    held.desk.give_back_all(held.clock.now, deliver_until=held.clock.now)
    held.settle()
    assert all(held.given_back(item_id) for item_id in "abc")
    assert in_work(held) == ["a"], "the device has not let go of it"


def test_past_a_deadline_a_task_is_let_go_although_the_device_still_holds_it(held):
    work = held.make_ready("a")
    held.desk.give_back_all(held.clock.now, deliver_until=held.clock.now)
    held.settle()
    assert held.desk.take_away_finished(at_once=True) == [work]


def test_the_task_on_the_device_is_shown_first(held):
    held.lanes.deliver.holds = True
    held.make_ready("a")
    held.make_ready("b")
    held.finish_inference()
    assert [task.task.item_id for task in held.desk.foremost()] == ["b", "a"]


# Waiting


def test_a_task_that_waits_behind_a_moving_device_keeps_its_lease(held):
    first = held.make_ready("a")
    waiting = held.make_ready("b")
    for step in range(1, 2 * LEASE_S):
        first.job.moved(held.clock.now, step, 10_000)
        held.pass_time(1)
    assert waiting.job.ending is None
    assert len(held.sent("b", "renew")) >= 2 * LEASE_S / 120


def test_a_task_that_waits_behind_a_hung_device_loses_its_lease_too(held):
    held.make_ready("a")
    waiting = held.make_ready("b")
    held.pass_time(2 * LEASE_S)
    assert waiting.job.ending is Ending.LOST
    allowed_s = 200 + 100
    assert len(held.sent("b", "renew")) <= 1 + allowed_s / 120


def test_a_task_that_waits_is_neither_on_the_device_nor_after_it(held):
    held.make_ready("a")
    assert held.make_ready("b").phase is Phase.BEFORE
