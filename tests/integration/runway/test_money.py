"""Never two paid creates for one lease, whatever happens to the answer."""

import pytest

from inference.errors import RequestRefused, TryLater
from inference.runway.api import CALL_S
from tests.fakes.bad_server.faults import Canned, CutAnswer, Delay, Drip, Reset
from tests.fakes.runway import Look, failed

LOST_ANSWERS = [
    Reset(after_effect=True),
    Canned(500, b"{}", after_effect=True),
    Canned(502, b"<html>", "text/html", after_effect=True),
    Canned(503, b"{}", after_effect=True),
    Canned(504, b"{}", after_effect=True),
    Canned(200, b"", after_effect=True),
    Canned(200, b'{"id": 7}', after_effect=True),
    Canned(200, b'{"id": "../tasks"}', after_effect=True),
    Canned(200, b"x" * 2_000_000, after_effect=True),
    CutAnswer(10),
]
SLOW_ANSWERS = [
    Delay(60, after_effect=True),
    Drip(bytes_per_s=1),
    Drip(bytes_per_s=1, head_too=True),
]


@pytest.mark.parametrize(
    ("kind", "call_s"),
    [*((kind, CALL_S) for kind in LOST_ANSWERS), *((kind, 3.0) for kind in SLOW_ANSWERS)],
    ids=str,
)
def test_a_create_whose_answer_is_lost_is_not_repeated_within_the_lease(
    backend, infer, runway, kind, call_s
):
    runway.trouble("create", kind)
    made = backend(call_s)
    with pytest.raises(TryLater, match="may have been paid"):
        infer(made)
    with pytest.raises(TryLater, match="nothing more is paid for within this lease"):
        infer(made)
    assert len(runway.asked("create")) == 1


@pytest.mark.parametrize("kind", [Reset(), Canned(502, b"{}"), Canned(504, b"{}")], ids=str)
def test_an_answer_that_proves_nothing_counts_as_paid(infer, runway, kind):
    runway.trouble("create", kind)
    with pytest.raises(TryLater, match="may have been paid"):
        infer()
    assert len(runway.asked("create")) == 1


def test_the_next_lease_may_create_once_more_and_says_what_that_may_have_cost(
    backend, infer, runway, lines
):
    runway.trouble("create", Reset(after_effect=True))
    with pytest.raises(TryLater):
        infer()
    infer(lease_id="w#2")
    assert len(runway.tasks) == 2
    assert any("may have been paid twice" in line for line in lines)
    today = backend().today()
    assert (today.videos, today.maybe_twice) == (2, 1)


def test_after_a_lost_answer_the_host_takes_no_tasks_for_a_minute(backend, infer, runway, clock):
    made = backend()
    runway.trouble("create", Reset(after_effect=True))
    with pytest.raises(TryLater):
        infer(made)
    assert "a create was not answered" in made.unavailable()
    clock.sleep(61)
    assert made.unavailable() is None


def test_a_refused_connection_created_nothing_and_is_tried_again(backend, runway, clock, infer):
    made = backend()
    runway.close()
    with pytest.raises(TryLater, match="Runway cannot be reached"):
        infer(made)
    assert clock.slept_s == pytest.approx(1 + 2 + 4 + 8)
    assert made.today().videos == 0


@pytest.mark.parametrize("header", [(), (("Retry-After", "7"),)], ids=["plain", "retry-after"])
def test_too_many_requests_created_nothing_and_is_tried_again(infer, runway, clock, header):
    runway.trouble("create", Canned(429, b'{"error": "slow down"}', headers=header))
    infer()
    assert len(runway.tasks) == 1
    assert clock.slept_s >= (7 if header else 1)


def test_after_five_refusals_the_task_is_left_for_another_time(backend, infer, runway):
    made = backend()
    runway.trouble("create", Canned(429, b"{}"), times=99)
    with pytest.raises(TryLater, match="asked too often"):
        infer(made)
    assert len(runway.asked("create")) == 5
    assert "asked too often" in made.unavailable()


def test_an_item_that_comes_back_finds_its_running_task(infer, runway, backend):
    runway.script((Look("RUNNING", 0.5),) * 3 + (Look("SUCCEEDED"),))
    made = backend(timeout_s=1e-9)
    runway.trouble("cancel", Reset())  # as if the child had died instead
    with pytest.raises(TryLater):
        infer(made)
    again = infer(lease_id="other-child#1")
    assert again.task_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1
    assert backend().today().resumed == 1


def test_another_prompt_for_the_same_item_is_another_video(infer, runway):
    infer()
    infer(lease_id="w#2", prompt="the rain falls")
    assert len(runway.tasks) == 2


def test_another_prompt_within_the_same_lease_is_not_paid_for(infer, runway):
    infer()
    with pytest.raises(TryLater):
        infer(prompt="the rain falls")
    assert len(runway.tasks) == 1


def test_bad_output_is_made_once_more_by_another_lease_with_another_seed(infer, runway):
    runway.script(failed("INTERNAL.BAD_OUTPUT.CODE01"))
    with pytest.raises(TryLater):
        infer(seed=2**32 - 1)
    infer(seed=2**32 - 1, lease_id="w#2")
    assert [body["seed"] for body in runway.bodies] == [2**32 - 1, 0]


def test_bad_output_twice_is_the_end_of_it(infer, runway):
    runway.usual_script(failed("INTERNAL.BAD_OUTPUT"))
    with pytest.raises(TryLater):
        infer()
    with pytest.raises(RequestRefused, match="no usable video came out, twice"):
        infer(lease_id="w#2")
    with pytest.raises(RequestRefused, match="twice"):
        infer(lease_id="w#3")
    assert len(runway.tasks) == 2


def test_a_failure_of_runways_own_is_left_to_the_next_lease(infer, runway, backend):
    runway.script(failed("INTERNAL", "out of machines"))
    with pytest.raises(TryLater, match="INTERNAL: out of machines"):
        infer()
    assert infer(lease_id="w#2").links
    assert backend().today().usd == pytest.approx(0.25)  # the failed one was paid back


def test_a_task_that_somebody_deleted_is_made_again_by_the_next_lease(infer, runway):
    first = infer()
    runway.world.tasks.remove(first.task_id)
    second = infer(lease_id="w#2")
    assert second.task_id != first.task_id


def test_a_task_cancelled_on_runways_site_is_not_paid_for_again_in_this_lease(infer, runway):
    runway.script((Look("RUNNING", 0.1), Look("CANCELLED", credits_charged=0)))
    with pytest.raises(TryLater, match="was cancelled"):
        infer()
    assert len(runway.tasks) == 1


def test_without_a_journal_nothing_is_paid_for(backend, infer, runway, tmp_path):
    made = backend()
    for file in (tmp_path / "state").iterdir():
        file.write_bytes(b"torn" * 1000)
    with pytest.raises(TryLater, match="journal of paid tasks"):
        infer(made)
    assert "journal of paid tasks" in made.unavailable()
    assert runway.asked("create") == []
