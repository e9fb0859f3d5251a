"""The host's places, the day's caps, and the pauses that all children share."""

import threading

import pytest

from inference.backend import CancelToken
from inference.errors import Cancelled, TryLater
from tests.fakes.bad_server.faults import Canned
from tests.fakes.runway import Look

FOR_EVER = (Look("RUNNING", 0.5),)


def test_only_so_many_tasks_are_in_flight_on_this_host(backend, infer, runway):
    runway.usual_script(FOR_EVER)
    children = [backend(max_in_flight=2) for _ in range(3)]
    cancels = [CancelToken() for _ in children]

    def work(number):
        with pytest.raises(Cancelled):
            infer(
                children[number],
                cancel=cancels[number],
                item_id=f"item-{number}",
                lease_id=f"w{number}#1",
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    assert runway.wait_for(lambda: len(runway.tasks) == 2)
    assert children[0].unavailable() == "2 of 2 Runway tasks are in flight"
    for task in runway.tasks:
        task.script.append(Look("SUCCEEDED"))
    for cancel in cancels:
        cancel.cancel()
    for thread in threads:
        thread.join()
    assert len(runway.tasks) == 2
    assert children[0].unavailable() is None


def test_a_waiting_child_gives_signs_of_life_and_goes_on_when_a_place_is_free(
    backend, infer, runway
):
    holder, waiter = backend(max_in_flight=1), backend(max_in_flight=1)
    place = holder._in_flight.place()
    assert place.__enter__()
    signs = []

    def progress(done, total):
        signs.append(done)
        if len(signs) == 3:
            place.__exit__(None, None, None)

    infer(waiter, progress=progress)
    assert signs[:3] == [0, 0, 0]
    assert len(runway.tasks) == 1


def test_the_days_cap_in_videos_stops_the_leasing_and_says_so(backend, infer):
    made = backend(daily_cap_videos=2)
    infer(made)
    assert made.unavailable() is None
    infer(made, item_id="item-2", lease_id="w#2")
    assert made.unavailable() == (
        "the day's cap of 2 videos is reached: 2 videos, about $0.50 (estimate)"
    )


def test_the_days_cap_in_dollars_stops_the_leasing_and_says_so(backend, infer):
    made = backend(daily_cap_usd=0.5)
    infer(made)
    assert made.unavailable() is None
    infer(made, item_id="item-2", lease_id="w#2")
    assert made.unavailable() == "the day's cap of $0.50 is reached: $0.50 spent (estimate)"


def test_a_dear_task_that_the_cap_leaves_no_room_for_is_not_paid(backend, infer, runway):
    made = backend(daily_cap_usd=0.5)
    with pytest.raises(TryLater, match=r"cap of \$0.50 is reached: \$0.00 spent"):
        infer(made, provider="veo3.1")
    assert runway.asked("create") == []


def test_a_cap_is_the_hosts_not_the_childs(backend, infer, runway):
    infer(backend(daily_cap_videos=1))
    with pytest.raises(TryLater, match="cap of 1 video is"):
        infer(backend(daily_cap_videos=1), item_id="item-2", lease_id="v#1")
    assert len(runway.tasks) == 1


def test_a_resumed_task_passes_the_cap_because_it_was_paid_before(backend, infer, runway):
    made = backend(daily_cap_videos=1)
    infer(made)
    assert infer(made, lease_id="w#2").task_id == runway.tasks[0].task_id


def test_a_new_day_begins_with_nothing_spent(backend, infer, clock):
    made = backend(daily_cap_videos=1)
    infer(made)
    assert made.unavailable() is not None
    clock.wall_offset_s += 86_400
    assert made.unavailable() is None
    assert made.today().videos == 0


def test_runways_own_price_takes_the_tables_place(backend, infer, runway):
    made = backend()
    answer = b'{"id": "task-1", "estimatedCost": {"credits": 40}}'
    runway.trouble("create", Canned(200, answer))
    with pytest.raises(TryLater):
        infer(made)
    assert made.today().usd == pytest.approx(0.40)


def test_a_pause_holds_for_every_child_and_survives_a_restart(backend, infer, runway):
    runway.trouble("create", Canned(402, b"{}"))
    with pytest.raises(TryLater):
        infer(backend())
    assert "out of credit" in backend().unavailable()
