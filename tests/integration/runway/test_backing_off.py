"""How often Runway is asked while it does not answer, and that no two children do so in step."""

from itertools import pairwise

import pytest

from inference.errors import TryLater
from tests.fakes.bad_server.faults import Canned, Reset
from tests.fakes.runway import Look

SUCCEEDED = (Look("SUCCEEDED"),)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_looks_that_fail_are_repeated_ever_more_slowly(infer, runway, clock, status):
    runway.script(SUCCEEDED)
    runway.trouble("look", Canned(status, b"{}"), times=7)
    assert infer().links
    assert clock.slept_s == pytest.approx(5 + 5 + 10 + 20 + 40 + 60 + 60 + 60)


def test_looks_that_are_not_answered_are_repeated_ever_more_slowly(infer, runway, clock):
    runway.script(SUCCEEDED)
    runway.trouble("look", Reset(), times=4)
    assert infer().links
    assert clock.slept_s == pytest.approx(5 + 5 + 10 + 20 + 40)


def test_a_look_that_shows_the_task_ends_the_slowness(infer, runway, clock):
    runway.script((Look("RUNNING", 0.5), *SUCCEEDED))
    runway.trouble("look", Canned(503, b"{}"), times=3)
    infer()
    assert clock.slept_s == pytest.approx(5 + 5 + 10 + 20 + 5)


def test_a_look_waits_for_as_long_as_runway_asks(infer, runway, clock):
    runway.script(SUCCEEDED)
    runway.trouble("look", Canned(429, b"{}", headers=(("Retry-After", "33"),)))
    infer()
    assert clock.slept_s == pytest.approx(5 + 33)


def test_a_long_wait_shows_signs_of_life_and_the_progress_that_was_seen_last(infer, runway, clock):
    runway.script((Look("RUNNING", 0.5), *SUCCEEDED))
    runway.trouble("look", Canned(503, b"{}"), times=5, skip=1)
    signs = []
    infer(progress=lambda done, total: signs.append((clock.slept_s, done)))
    times = [at_s for at_s, _ in signs]
    assert max(later - sooner for sooner, later in pairwise(times)) <= 10.1
    assert {done for _, done in signs} == {500, 1000}


def test_a_long_wait_before_a_create_shows_signs_of_life(infer, runway, clock):
    runway.script(SUCCEEDED)
    runway.trouble("create", Canned(429, b"{}", headers=(("Retry-After", "60"),)))
    signs = []
    infer(progress=lambda *_: signs.append(clock.slept_s))
    assert max(later - sooner for sooner, later in pairwise(signs)) <= 10.1


@pytest.mark.parametrize("status", [400, 405])
def test_looks_that_runway_calls_wrong_leave_the_task_for_another_lease(infer, runway, status):
    runway.trouble("look", Canned(status, b'{"error": "Method not allowed"}'), times=3)
    words = f"does not show task .*: HTTP {status}: Method not allowed"
    with pytest.raises(TryLater, match=words):
        infer()
    assert runway.asked("cancel") == []
    assert infer(lease_id="w#2").task_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1


def test_looks_that_runway_calls_wrong_count_only_in_a_row(infer, runway):
    for skip in (0, 1):
        runway.trouble("look", Canned(405, b"{}"), times=2, skip=skip)
    assert infer().links


@pytest.fixture
def slept_s(backend, infer, clock):
    """slept_s(jitter): how long an inference waited in all."""

    def run(jitter):
        before_s = clock.slept_s
        infer(backend(jitter=lambda: jitter), lease_id=f"w#{jitter}", item_id=f"item-{jitter}")
        return clock.slept_s - before_s

    return run


def test_two_children_do_not_look_in_step(slept_s, runway):
    runway.usual_script((*(Look("RUNNING", 0.5),) * 3, *SUCCEEDED))
    even_s, late_s = slept_s(0.0), slept_s(0.99)
    assert even_s == pytest.approx(4 * 5)
    assert 4 * 6 < late_s < 4 * 6.25


@pytest.mark.parametrize(("endpoint", "most"), [("look", 1.25), ("create", 1.5)])
def test_two_children_that_were_sent_away_do_not_come_back_in_step(slept_s, runway, endpoint, most):
    runway.usual_script(SUCCEEDED)
    waited_s = {}
    for jitter in (0.0, 0.99):
        runway.trouble(endpoint, Canned(429, b"{}"), times=3)
        first_look_s = 5 * (1 + 0.25 * jitter)
        waited_s[jitter] = slept_s(jitter) - first_look_s
    assert 1.1 * waited_s[0.0] < waited_s[0.99] < most * waited_s[0.0]
