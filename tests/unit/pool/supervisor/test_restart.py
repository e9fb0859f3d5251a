"""When a dead child is restarted, and when its slot is given up."""

import itertools

import pytest

from pool.supervisor.restart import Deaths, RestartRules

RULES = RestartRules()


def dying(times, *, every_s, loaded_after_s=10.0, deaths=None):
    """`times` deaths, one every `every_s`; each child was ready that long before it died."""
    deaths = deaths or Deaths()
    for number in range(times):
        now = 1000 + number * every_s
        loaded_at = None if loaded_after_s is None else now - loaded_after_s
        deaths = deaths.died(now, loaded_at=loaded_at, rules=RULES)
        yield deaths


def test_the_wait_doubles_up_to_a_minute():
    waits = [deaths.wait_s(0.0) for deaths in dying(9, every_s=200)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_jitter_keeps_slots_from_coming_back_together():
    deaths = list(dying(3, every_s=200))[-1]
    assert 3 <= deaths.wait_s(0.9) < deaths.wait_s(0.3) < 4


def test_a_wait_is_never_longer_than_what_is_said():
    first = next(dying(1, every_s=200))
    assert [first.wait_s(jitter / 10) <= 1 for jitter in range(10)] == [True] * 10


def test_after_five_healthy_minutes_the_wait_is_short_again():
    tired = list(dying(6, every_s=200))[-1]
    assert tired.died(9000, loaded_at=8700, rules=RULES).wait_s(0.0) == 1
    assert tired.died(9000, loaded_at=8701, rules=RULES).wait_s(0.0) == 60


def test_after_a_completed_task_the_wait_is_short_again():
    tired = list(dying(6, every_s=200))[-1].proved()
    assert tired.died(9000, loaded_at=8999, rules=RULES).wait_s(0.0) == 1


def test_five_deaths_in_ten_minutes_are_too_many():
    reasons = [deaths.too_many(RULES) for deaths in dying(5, every_s=149)]
    assert reasons == [None, None, None, None, "died 5 times in 10 minutes"]


def test_five_deaths_in_more_than_ten_minutes_are_not():
    assert [d.too_many(RULES) for d in dying(20, every_s=151)] == [None] * 20


def test_a_completed_task_does_not_hide_a_slot_that_keeps_dying():
    now = itertools.count(1000, 60)
    deaths = Deaths()
    for _ in range(5):
        deaths = deaths.proved().died(next(now), loaded_at=0.0, rules=RULES)
    assert deaths.too_many(RULES)


@pytest.mark.parametrize(("starts", "given_up"), [(1, False), (2, False), (3, True)])
def test_three_failed_starts_in_a_row_are_too_many(starts, given_up):
    deaths = list(dying(starts, every_s=3600, loaded_after_s=None))[-1]
    assert (deaths.too_many(RULES) is not None) is given_up


def test_a_start_that_worked_begins_the_row_anew():
    deaths = list(dying(2, every_s=3600, loaded_after_s=None))[-1]
    deaths = deaths.died(10_000, loaded_at=9_999, rules=RULES)
    assert deaths.failed_starts == 0
