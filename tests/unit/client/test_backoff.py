import pytest

from client.backoff import RETRY_AFTER_CAP_S, backoff_s


def test_the_wait_doubles_from_one_second_to_the_cap():
    waits = [backoff_s(attempt, jitter=0.0) for attempt in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_base_and_cap_can_be_given():
    waits = [backoff_s(attempt, base_s=0.5, cap_s=3.0, jitter=0.0) for attempt in range(1, 5)]
    assert waits == [0.5, 1.0, 2.0, 3.0]


def test_jitter_adds_up_to_a_quarter_also_at_the_cap():
    assert backoff_s(1, jitter=0.5) == pytest.approx(1.125)
    assert 60 < backoff_s(50, jitter=0.999) < 75


def test_the_wait_asked_for_is_honoured_when_it_is_longer():
    assert backoff_s(1, jitter=0.0, retry_after_s=7.0) == 7
    assert backoff_s(5, jitter=0.0, retry_after_s=7.0) == 16


def test_the_wait_asked_for_has_a_cap():
    assert backoff_s(1, jitter=0.0, retry_after_s=1e9) == RETRY_AFTER_CAP_S


def test_a_huge_count_of_failures_is_only_the_cap():
    assert backoff_s(10**9, jitter=0.0) == 60


def test_a_count_below_one_is_the_first():
    assert backoff_s(0, jitter=0.0) == 1
