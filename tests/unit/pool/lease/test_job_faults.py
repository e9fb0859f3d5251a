"""What a failure means to the task: its own fault, ours, or a passing trouble."""

import pytest

from pool.lease.moves import (
    Encode,
    Ending,
    Fault,
    Fetch,
    Infer,
    Prepare,
    ProbeUpload,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.retry import ABSENT_GAP_S
from tests.unit.pool.lease.driven_job import Driven


@pytest.mark.parametrize("kind", [Fetch, Prepare, Infer, Encode])
def test_a_task_at_fault_is_reported_failed_with_its_reason(kind):
    driven = Driven()
    driven.fail(kind, Fault.TASK_AT_FAULT, text="the photo could not be read: it is empty")
    report = driven.run(ReportFailed)
    assert report == ReportFailed("the photo could not be read: it is empty")
    driven.finish(report)
    assert driven.job.ending is Ending.FAILED
    assert driven.job.reason == report.reason


@pytest.mark.parametrize(("interval_s", "gap_s"), [(120, ABSENT_GAP_S), (1.5, 1.5)])
def test_a_photo_that_is_not_there_is_asked_for_twice_before_the_task_is_blamed(interval_s, gap_s):
    """A storage that was moved says it of every photo, and then no more."""
    driven = Driven(interval_s=interval_s)
    driven.fail(Fetch, Fault.ABSENT)
    absent_at = driven.now
    driven.fail(Fetch, Fault.ABSENT, text="the photo is missing")
    assert driven.now >= absent_at + gap_s
    assert driven.run(ReportFailed) == ReportFailed("the photo is missing")


def test_other_troubles_do_not_make_one_missing_photo_two():
    driven = Driven()
    driven.fail(Fetch, Fault.TRANSIENT)
    driven.fail(Fetch, Fault.ABSENT)
    driven.fail(Fetch, Fault.UNSIGNED)
    driven.run(Prepare)


def test_a_task_that_was_read_as_faulty_is_reported_once_the_lease_is_confirmed():
    driven = Driven(fault="The task names no photo.")
    driven.run(ReportFailed)
    assert driven.kinds() == [ReportFailed]
    assert driven.now >= 1


def test_what_is_held_against_a_task_is_reported_once_its_video_was_looked_for():
    driven = Driven(held_against="crashed the worker twice: why")
    report = driven.run(ReportFailed)
    assert report.reason == "crashed the worker twice: why"
    assert driven.kinds() == [ProbeUpload, ReportFailed]


@pytest.mark.parametrize("refusal", [Fault.STORED_ALREADY, Fault.UNSIGNED])
def test_a_task_that_killed_its_workers_is_completed_where_its_video_exists(refusal):
    """One of them may have stored it, and reported it, before it died."""
    driven = Driven(held_against="crashed the worker twice: why")
    driven.fail(ProbeUpload, refusal, times=1 if refusal is Fault.STORED_ALREADY else 4)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert ReportFailed not in driven.kinds()


def test_a_video_that_is_here_is_delivered_whatever_is_held_against_its_task():
    driven = Driven(held_against="crashed the worker twice: why", made=True)
    driven.finish(driven.run(ReportCompleted))
    assert driven.kinds() == [ProbeUpload, Store, ReportCompleted]


@pytest.mark.parametrize("fault", [Fault.UNSIGNED, Fault.TRANSIENT])
def test_it_is_known_whether_a_photo_was_given_up_for_want_of_its_url(fault):
    driven = Driven()
    while driven.job.ending is None:
        driven.fail(Fetch, fault)
        driven.step()
        if driven.open and isinstance(driven.open[0], Renew):
            driven.finish(driven.open[0])
    assert driven.job.ending is Ending.ABANDONED
    assert driven.job.photo_unsigned is (fault is Fault.UNSIGNED)


def test_a_video_whose_upload_is_not_signed_is_no_lost_photo():
    driven = Driven(made=True)
    driven.fail(Store, Fault.UNSIGNED)
    assert not driven.job.photo_unsigned


@pytest.mark.parametrize("kind", [Infer, Store])
def test_our_own_faults_leave_the_lease_to_expire(kind):
    driven = Driven()
    driven.fail(kind, Fault.NOT_NOW)
    assert driven.job.ending is Ending.ABANDONED
    driven.now += 1000
    assert driven.step() == []


def test_bad_output_is_made_once_more_with_another_seed():
    driven = Driven()
    driven.fail(Encode, Fault.BAD_OUTPUT)
    assert driven.run(Infer) == Infer(seed_offset=1)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED


def test_bad_output_twice_is_the_tasks_own_fault():
    driven = Driven()
    driven.fail(Infer, Fault.BAD_OUTPUT, times=2, text="all frames are black")
    assert "all frames are black" in driven.run(ReportFailed).reason


def test_a_passing_trouble_is_tried_again_and_then_forgotten():
    driven = Driven()
    driven.fail(Fetch, Fault.TRANSIENT, times=3)
    driven.run(Prepare)


def test_a_photo_that_cannot_be_had_is_left_to_somebody_else_in_the_end():
    driven = Driven()
    while driven.job.ending is None:
        driven.fail(Fetch, Fault.TRANSIENT)
        driven.step()
        if driven.open and isinstance(driven.open[0], Renew):
            driven.finish(driven.open[0])
    assert driven.job.ending is Ending.ABANDONED
    assert driven.now <= 400
