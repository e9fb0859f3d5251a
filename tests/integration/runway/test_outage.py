"""Failures through nobody's fault: an outage fails no task, and a task that always fails ends."""

import pytest

from inference.backend import CancelToken
from inference.errors import RequestRefused, TryLater
from tests.fakes.runway import failed
from tests.integration.runway.sample import silent

HOUR_OF_LEASES = 6


@pytest.fixture
def make(backend, infer, tmp_path):
    """make(item, lease): the item's video, from the request to the checked file."""

    def run(item, lease):
        made = backend()
        finished = infer(made, item_id=item, lease_id=f"{item}#{lease}")
        return made.encode(finished, tmp_path / f"{item}.mp4", silent, CancelToken())

    return run


@pytest.fixture
def fail(make, runway):
    """fail(item, lease): a lease in which Runway fails the item through nobody's fault."""

    def run(item, lease, code="INTERNAL", words="out of machines"):
        runway.script(failed(code, words))
        with pytest.raises(TryLater, match=f"{code}: {words}"):
            make(item, lease)

    return run


def test_an_outage_of_an_hour_fails_no_task(make, fail, runway):
    items = ["first", "second", "third"]
    for lease in range(HOUR_OF_LEASES):
        for item in items:
            fail(item, lease, "THIRD_PARTY.UNAVAILABLE", "come back later")
    for item in items:
        assert make(item, HOUR_OF_LEASES).frames
    assert len(runway.tasks) == len(items) * (HOUR_OF_LEASES + 1)


def test_an_item_that_fails_while_others_come_out_is_given_up_after_four_times(make, fail, runway):
    for lease in range(3):
        fail("bad", lease)
        make(f"good-{lease}", 0)
    fail("bad", 3)
    make("good-3", 0)
    with pytest.raises(
        RequestRefused, match=r"failed 4 times and made others: INTERNAL: out of machines"
    ):
        make("bad", 4)
    assert len(runway.tasks) == 8


def test_failures_between_two_videos_count_as_one(make, fail):
    make("good-0", 0)
    for lease in range(8):
        fail("item", lease)
    make("good-1", 0)
    assert make("item", 8).frames


def test_an_items_own_video_excuses_its_failures(make, fail, runway):
    for lease in range(3):
        fail("item", lease)
        make(f"good-{lease}", 0)
    make("item", 3)
    runway.world.tasks.remove(runway.tasks[-1].task_id)  # so that it is bought once more
    fail("item", 4)
    make("good-4", 0)
    assert make("item", 5).frames


def test_a_video_that_is_fetched_again_says_nothing_about_the_failures_since(make, fail):
    make("good", 0)
    for lease in range(6):
        fail("item", lease)
        make("good", lease + 1)
    assert make("item", 6).frames


def test_the_only_item_of_a_queue_is_given_up_after_twelve_failures(make, fail, runway):
    for lease in range(11):
        fail("item", lease)
    runway.usual_script(failed("INTERNAL", "out of machines"))
    with pytest.raises(RequestRefused, match="the video service failed 12 times: INTERNAL"):
        make("item", 11)
    assert len(runway.tasks) == 12


def test_a_failure_that_was_judged_is_paid_all_the_same(make, fail):
    fail("item", 0)
    make("good", 0)
    with pytest.raises(TryLater, match="nothing more is paid for within this lease"):
        make("item", 0)


def test_three_failures_in_a_row_stop_the_leasing_for_five_minutes(backend, fail, clock):
    fail("first", 0)
    fail("second", 0)
    assert backend().unavailable() is None
    fail("first", 1)
    said = "Runway failed 3 tasks in a row, of several items (INTERNAL: out of machines); paused"
    assert backend().unavailable().startswith(said)
    clock.sleep(301)
    assert backend().unavailable() is None


def test_a_failure_after_the_pause_begins_the_next_one(backend, fail, clock):
    for item in ("first", "second", "third"):
        fail(item, 0)
    clock.sleep(301)
    fail("first", 1)
    assert "4 tasks in a row" in backend().unavailable()


def test_one_item_that_fails_again_and_again_stops_nothing(backend, fail):
    for lease in range(5):
        fail("item", lease)
    assert backend().unavailable() is None


def test_a_video_between_them_ends_the_row(backend, make, fail):
    fail("first", 0)
    fail("second", 0)
    make("good", 0)
    fail("first", 1)
    fail("second", 1)
    assert backend().unavailable() is None
