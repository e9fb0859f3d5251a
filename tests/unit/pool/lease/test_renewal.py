import pytest

from pool.lease.lease import Lease
from pool.lease.renewal import (
    CONFIRM_AFTER_S,
    CONFIRM_GAP_S,
    RenewalAttempts,
    RenewalRules,
    confirmed,
    next_renewal_at,
)

RULES = RenewalRules(length_s=600, interval_s=120, confirmations=1)
PAID = RenewalRules(length_s=600, interval_s=120, confirmations=2)
TAKEN = Lease.taken(sent_at=99, answered_at=100, length_s=600)
NONE = RenewalAttempts()


def renewed(lease, at):
    return lease.renewed(sent_at=at, answered_at=at, extend_s=600)


def test_the_first_heartbeat_confirms_a_second_after_the_lease_was_taken():
    assert next_renewal_at(TAKEN, RULES, NONE, 0.0) == 100 + CONFIRM_AFTER_S
    assert CONFIRM_AFTER_S >= 1


def test_one_confirmation_is_enough_for_a_gpu_and_two_for_a_paid_call():
    once = renewed(TAKEN, 101)
    assert not confirmed(TAKEN, RULES)
    assert confirmed(once, RULES)
    assert not confirmed(once, PAID)
    assert confirmed(renewed(once, 106), PAID)


def test_the_second_confirmation_comes_five_seconds_after_the_first():
    assert next_renewal_at(renewed(TAKEN, 101), PAID, NONE, 0.0) == 101 + CONFIRM_GAP_S
    assert CONFIRM_GAP_S == 5


def test_a_confirmed_lease_is_renewed_once_per_interval():
    assert next_renewal_at(renewed(TAKEN, 101), RULES, NONE, 0.0) == 101 + 120


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 1), (2, 2), (3, 4), (9, 30)])
def test_a_failed_heartbeat_is_tried_again_with_backoff(failures, wait_s):
    attempts = RenewalAttempts(failures, failed_at=200)
    due = next_renewal_at(renewed(TAKEN, 101), RULES, attempts, 0.0)
    assert due == 200 + wait_s


def test_the_second_look_after_a_404_comes_no_sooner_than_a_404_may_count():
    doubted = TAKEN.missed(101)
    attempts = RenewalAttempts(1, failed_at=101)
    assert next_renewal_at(doubted, RULES, attempts, 0.0) >= 103


def test_retry_after_is_honoured():
    attempts = RenewalAttempts(1, failed_at=200, retry_after_s=17)
    assert next_renewal_at(TAKEN, RULES, attempts, 0.0) >= 217
