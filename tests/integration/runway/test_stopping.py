"""Cancelling, timeouts, and who may cancel whose task."""

import threading
import time

import pytest

from inference.backend import CancelToken
from inference.errors import Cancelled, RequestRefused, TryLater
from inference.runway import api
from inference.runway.exchange import NoReply
from tests.fakes.bad_server.faults import Canned, Delay
from tests.fakes.runway import Look

FOR_EVER = (Look("RUNNING", 0.5),)


def lose_the_lease_when(condition, infer, runway):
    """An inference that is cancelled as soon as `condition` holds, and says so."""
    cancel = CancelToken()

    def lose():
        assert runway.wait_for(condition)
        cancel.cancel()

    thread = threading.Thread(target=lose)
    thread.start()
    with pytest.raises(Cancelled):
        infer(cancel=cancel)
    thread.join()


@pytest.mark.parametrize("status", ["PENDING", "THROTTLED", "RUNNING"])
def test_a_lost_lease_cancels_its_task_at_runway(infer, runway, status):
    runway.script((Look(status),))
    lose_the_lease_when(lambda: len(runway.asked("look")) > 2, infer, runway)
    assert runway.tasks[0].cancelled_from == status


def test_nothing_is_created_once_the_work_was_cancelled(infer, runway):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        infer(cancel=cancel)
    assert runway.asked("create") == []


def test_a_create_on_its_way_is_awaited_so_that_its_task_can_be_cancelled(infer, runway):
    runway.script((Look("PENDING"),))
    runway.trouble("create", Delay(0.3, after_effect=True))
    lose_the_lease_when(lambda: len(runway.tasks) == 1, infer, runway)
    assert runway.tasks[0].cancelled_from == "PENDING"


def test_a_create_that_is_answered_too_late_is_cancelled_all_the_same(infer, runway, monkeypatch):
    monkeypatch.setattr(api, "_CREATE_GRACE_S", 0.1)  # so that three seconds are late enough
    runway.script((Look("PENDING"),))
    runway.trouble("create", Delay(3, after_effect=True))
    lose_the_lease_when(lambda: len(runway.tasks) == 1, infer, runway)
    assert runway.wait_for(lambda: runway.tasks[0].cancelled_from == "PENDING")


def test_cancelling_takes_seconds_even_when_runway_hangs(backend, infer, runway):
    runway.script(FOR_EVER)
    runway.trouble("look", Delay(60), skip=1)
    runway.trouble("cancel", Delay(60))
    begun = time.monotonic()
    lose_the_lease_when(lambda: len(runway.asked("look")) > 1, infer, runway)
    assert time.monotonic() - begun < 7


def test_a_task_that_finished_while_the_lease_was_lost_is_kept_for_the_next_lease(infer, runway):
    runway.script((*FOR_EVER, Look("SUCCEEDED")))
    runway.trouble("look", Delay(60), skip=1)
    lose_the_lease_when(lambda: len(runway.asked("look")) > 1, infer, runway)
    assert runway.asked("cancel") == []
    assert infer(lease_id="w#2").task_id == runway.tasks[0].task_id


def test_a_finished_task_that_was_seen_too_late_is_kept_for_the_next_lease(backend, infer, runway):
    made, cancel = backend(), CancelToken()
    look = made._api.look

    def looked_at_as_the_lease_is_lost(task_id, stop):
        view = look(task_id, stop)
        if view.status == "SUCCEEDED":
            cancel.cancel()
        return view

    made._api.look = looked_at_as_the_lease_is_lost
    with pytest.raises(Cancelled):
        infer(made, cancel=cancel)
    assert runway.asked("cancel") == []
    assert infer(lease_id="w#2").task_id == runway.tasks[0].task_id


def test_a_task_that_ends_as_its_time_does_is_kept_for_the_next_lease(backend, infer, runway):
    runway.script((*FOR_EVER, Look("SUCCEEDED")))
    with pytest.raises(TryLater, match="was not done within"):
        infer(backend(timeout_s=1e-9))
    assert runway.asked("cancel") == []
    assert infer(lease_id="w#2").task_id == runway.tasks[0].task_id


def test_a_task_that_could_not_be_cancelled_is_resumed_by_the_next_lease(infer, runway):
    runway.script((*FOR_EVER * 4, Look("SUCCEEDED")))
    runway.trouble("cancel", Canned(500, b"{}"))
    lose_the_lease_when(lambda: len(runway.asked("look")) > 1, infer, runway)
    assert infer(lease_id="w#2").task_id == runway.tasks[0].task_id


def test_a_cancelled_task_is_made_anew_by_the_next_lease(infer, runway):
    runway.script(FOR_EVER)
    lose_the_lease_when(lambda: len(runway.asked("look")) > 1, infer, runway)
    infer(lease_id="w#2")
    assert len(runway.tasks) == 2


def test_a_task_that_another_lease_watches_by_now_is_not_cancelled(backend, infer, runway):
    runway.script((*FOR_EVER * 8, Look("SUCCEEDED")))
    cancel, results = CancelToken(), []

    def first():
        try:
            infer(cancel=cancel)
        except Cancelled:
            results.append("cancelled")

    loser = threading.Thread(target=first)
    loser.start()
    assert runway.wait_for(lambda: len(runway.asked("look")) > 0)

    def progress(done, total):
        if not cancel.cancelled:
            cancel.cancel()
            loser.join()

    finished = infer(lease_id="w#2", progress=progress)
    assert results == ["cancelled"]
    assert finished.task_id == runway.tasks[0].task_id
    assert runway.asked("cancel") == []


def test_a_task_that_takes_too_long_is_cancelled_and_left_for_later(backend, infer, runway, clock):
    runway.script(FOR_EVER)
    with pytest.raises(TryLater, match="was not done within 60 s"):
        infer(backend(timeout_s=60))
    assert runway.tasks[0].cancelled_from == "RUNNING"
    assert clock.slept_s == pytest.approx(60)


@pytest.mark.parametrize("status", ["PENDING", "THROTTLED"])
def test_a_task_that_only_waits_in_runways_queue_says_which_setting_helps(
    backend, infer, runway, status
):
    made = backend(timeout_s=20)
    runway.usual_script((Look(status),))
    for lease in range(13):
        with pytest.raises(TryLater, match=r"never began: .* a lower runway_max_in_flight helps"):
            infer(made, lease_id=f"w#{lease}")
    assert {task.cancelled_from for task in runway.tasks} == {status}


def test_a_task_that_never_ends_is_given_up_like_one_that_fails(backend, infer, runway):
    made = backend(timeout_s=20)
    runway.usual_script((Look("PENDING"), *FOR_EVER))
    for lease in range(12):
        with pytest.raises(TryLater, match=r"was not done within 20 s$"):
            infer(made, lease_id=f"w#{lease}")
    with pytest.raises(RequestRefused, match=r"failed 12 times: Runway task .* not done within"):
        infer(made, lease_id="w#12")
    assert len(runway.tasks) == 12


def test_a_late_task_that_runway_goes_on_with_is_taken_up_and_not_counted(backend, infer, runway):
    made = backend(timeout_s=20)
    runway.usual_script(FOR_EVER)
    runway.trouble("cancel", Canned(500, b"{}"), times=99)
    for lease in range(13):
        with pytest.raises(TryLater, match="was not done within"):
            infer(made, lease_id=f"w#{lease}")
    assert len(runway.tasks) == 1


def test_a_late_task_that_cannot_be_seen_may_have_ended_and_is_never_cancelled(
    backend, infer, runway
):
    made = backend(timeout_s=20)
    runway.usual_script((Look("PENDING"), Look("SUCCEEDED")))
    runway.trouble("look", Canned(503, b"{}"), times=6, skip=1)
    with pytest.raises(TryLater, match=r"was not done within 20 s$"):
        infer(made)
    assert runway.asked("cancel") == []
    assert infer(made, lease_id="w#2").links
    assert len(runway.tasks) == 1


def test_while_no_task_can_be_watched_none_is_bought(backend, infer, runway):
    made = backend()
    runway.usual_script(FOR_EVER)
    runway.trouble("look", Canned(400, b"{}"), times=99)
    with pytest.raises(TryLater, match="does not show task"):
        infer(made)
    assert "does not show task" in made.unavailable()


def test_looks_are_as_far_apart_as_runway_asks_for(infer, runway, clock):
    runway.script((*FOR_EVER * 4, Look("SUCCEEDED")))
    infer()
    assert len(runway.asked("look")) == 5
    assert clock.slept_s == pytest.approx(5 * 5)


def test_a_runway_that_falls_silent_is_left_alone_and_its_task_kept(backend, infer, runway):
    task_id = infer().task_id
    runway.trouble("look", Delay(60), times=99)
    with pytest.raises(TryLater, match="has not answered for"):
        infer(backend(call_s=0.05), lease_id="w#2")
    assert runway.asked("cancel") == []
    runway.world.troubles.clear()
    assert infer(lease_id="w#3").task_id == task_id


def test_one_look_that_finds_no_such_task_proves_nothing(infer, runway):
    runway.trouble("look", Canned(404, b'{"error": "Task not found"}'), times=2)
    assert infer().task_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1


def test_a_create_that_is_not_wanted_any_more_does_not_leave(backend, runway):
    body = {"model": "gen4_turbo", "promptText": "a" * 200_000}
    looks = iter([False, False, True])
    answers = []
    answer = backend()._api.create(body, lambda a, _: answers.append(a), lambda: next(looks, True))
    assert answer == NoReply("stopped before it was sent", sent=False)
    assert answers == [answer]
    assert runway.tasks == []
