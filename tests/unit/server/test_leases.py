from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import leases
from server.errors import BadRequest, Conflict, Forbidden, NotFound
from server.leases import MAX_LAPSES, Lease, Status

NOW = 1000.0
HELD = Lease(Status.PROCESSING, worker_id="a", leased_until_s=NOW + 600)
COMPLETED = Lease(Status.COMPLETED, worker_id="a")
FAILED = Lease(Status.FAILED, worker_id="a", retry_count=1, error_message="the photo is torn")


def test_a_pending_task_is_taken_until_the_lease_runs_out():
    assert leases.take(Lease(), "a", 600, NOW) == HELD


def test_a_lapse_is_counted_when_the_next_worker_takes_the_task():
    taken = leases.take(HELD, "b", 60, NOW + 700)
    assert taken == replace(HELD, worker_id="b", leased_until_s=NOW + 760, lapses=1)


def test_a_release_is_no_lapse():
    released = leases.renew(HELD, "a", 1, NOW)
    assert leases.take(released, "b", 60, NOW + 1).lapses == 0


def test_the_last_lapse_fails_the_task_instead_of_handing_it_out():
    spent = leases.take(replace(HELD, lapses=MAX_LAPSES - 1), "b", 60, NOW + 700)
    assert (spent.status, spent.worker_id, spent.lapses) == (Status.FAILED, "a", MAX_LAPSES)
    assert spent.error_message == "given up: 10 workers in a row vanished while they worked on it"


@pytest.mark.parametrize(
    ("extend_s", "now", "until_s"),
    [
        (300, NOW, NOW + 600),  # shorter than what remains: nothing is taken away
        (900, NOW, NOW + 900),
        (300, NOW + 5000, NOW + 5300),  # lapsed, and nobody else came
        (1, NOW, NOW + 1),  # the release
    ],
)
def test_a_renewal_reaches_to(extend_s, now, until_s):
    assert leases.renew(HELD, "a", extend_s, now).leased_until_s == until_s


@given(st.integers(2, 10**6), st.floats(0, 10**6))
def test_no_renewal_but_the_release_ever_shortens_a_lease(extend_s, now):
    assert leases.renew(HELD, "a", extend_s, now).leased_until_s >= HELD.leased_until_s


def test_a_renewal_takes_a_release_back():
    released = leases.renew(HELD, "a", 1, NOW)
    assert leases.renew(released, "a", 60, NOW) == replace(HELD, leased_until_s=NOW + 60)


@pytest.mark.parametrize(
    ("lease", "worker_id"), [(Lease(), "a"), (HELD, "b"), (COMPLETED, "a"), (FAILED, "a")]
)
def test_nobody_but_the_holder_of_a_task_in_work_renews(lease, worker_id):
    with pytest.raises(NotFound):
        leases.renew(lease, worker_id, 300, NOW)


def test_the_holder_ends_the_task_and_stays_known_for_it():
    assert leases.complete(HELD, "a", stored=True) == COMPLETED
    assert leases.fail(HELD, "a", "the photo is torn") == FAILED


@pytest.mark.parametrize(
    ("lease", "worker_id", "completed", "failed"),
    [
        # the same outcome from the same worker: None, nothing changes; all else is refused
        (Lease(), "a", NotFound, NotFound),
        (HELD, "b", Forbidden, Forbidden),
        (COMPLETED, "a", None, NotFound),
        (COMPLETED, "b", Forbidden, Forbidden),
        (FAILED, "a", NotFound, None),
        (FAILED, "b", Forbidden, Forbidden),
    ],
)
def test_a_report_about_a_task_not_in_the_reporters_work(lease, worker_id, completed, failed):
    for report, expected in (
        (lambda: leases.complete(lease, worker_id, stored=True), completed),
        (lambda: leases.fail(lease, worker_id, "why"), failed),
    ):
        if expected is None:
            assert report() is None
        else:
            with pytest.raises(expected):
                report()


def test_completed_needs_the_stored_video():
    with pytest.raises(BadRequest):
        leases.complete(HELD, "a", stored=False)


def test_whose_task_it_is_comes_before_whether_the_video_is_there():
    with pytest.raises(Forbidden):
        leases.complete(HELD, "b", stored=False)


def test_a_retry_starts_over_and_only_from_failed():
    assert leases.retry(replace(FAILED, retry_count=3, lapses=10)) == Lease()
    for lease in (Lease(), HELD, COMPLETED):
        with pytest.raises(Conflict):
            leases.retry(lease)
