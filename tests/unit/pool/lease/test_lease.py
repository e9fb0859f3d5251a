import pytest

from pool.lease.lease import MISS_GAP_S, Lease, margin_s


def fresh(length_s=600.0):
    return Lease.taken(sent_at=100.0, answered_at=101.0, length_s=length_s)


@pytest.mark.parametrize(("length_s", "margin"), [(600, 30), (300, 30), (100, 10), (6, 0.6)])
def test_the_margin_is_a_tenth_of_the_lease_and_thirty_seconds_at_most(length_s, margin):
    assert margin_s(length_s) == pytest.approx(margin)


def test_the_deadline_counts_from_when_the_request_was_sent():
    assert fresh().deadline == 100 + 600 - 30
    renewed = fresh().renewed(sent_at=200.0, answered_at=230.0, extend_s=600)
    assert renewed.deadline == 200 + 600 - 30


def test_a_lease_is_held_until_its_deadline_and_lost_at_it():
    lease = fresh()
    assert lease.at(lease.deadline - 0.001).lost is None
    assert "deadline" in lease.at(lease.deadline).lost


def test_one_404_is_not_a_loss():
    assert fresh().missed(110).lost is None


def test_two_404s_less_than_two_seconds_apart_are_not_a_loss():
    assert fresh().missed(110).missed(110 + MISS_GAP_S - 0.01).lost is None


def test_two_404s_two_seconds_apart_are_a_loss():
    assert "404" in fresh().missed(110).missed(110 + MISS_GAP_S).lost


def test_the_gap_counts_from_the_first_404_however_many_lie_between():
    assert fresh().missed(110).missed(111).missed(112).lost


def test_a_200_between_two_404s_wipes_the_first_out():
    lease = fresh().missed(110).renewed(sent_at=111, answered_at=112, extend_s=600)
    assert lease.missed(120).lost is None


def test_a_403_is_a_loss_at_once():
    assert "403" in fresh().refused().lost


def test_a_lost_lease_stays_lost():
    lost = fresh().refused()
    assert lost.renewed(sent_at=200, answered_at=201, extend_s=600) == lost
    assert lost.missed(300) == lost
    assert lost.at(10_000) == lost
    assert lost.refused() == lost


def test_each_successful_renewal_is_a_confirmation():
    lease = fresh()
    for count in (1, 2):
        lease = lease.renewed(sent_at=110, answered_at=110, extend_s=600)
        assert lease.confirmations == count


def test_what_remains_is_never_negative():
    assert fresh().remaining_s(10_000) == 0
    assert fresh().remaining_s(100) == 570
