"""The state machine of one lease, driven by hand: a clock that is told, outcomes that are given."""

import pytest

from pool.lease.moves import (
    Encode,
    Ending,
    Fault,
    Fetch,
    Infer,
    Prepare,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.pace import Stage
from tests.unit.pool.lease.driven_job import PATHS, Driven


def test_a_task_goes_its_whole_way_in_order():
    driven = Driven()
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    order = [ProbeUpload, Fetch, Prepare, Infer, Encode, Store, ReportCompleted]
    assert driven.kinds() == order
    assert driven.job.storage_path == PATHS[1]


def test_the_video_is_reported_where_the_upload_was_signed():
    driven = Driven()
    driven.run(Store)
    driven.finish(driven.open[0], text="elsewhere/i.mp4")
    assert driven.run(ReportCompleted) == ReportCompleted("elsewhere/i.mp4")


@pytest.mark.parametrize(("confirmations", "earliest_s"), [(1, 1.0), (2, 6.0)])
def test_nothing_that_costs_starts_before_the_lease_is_confirmed(confirmations, earliest_s):
    driven = Driven(confirmations)
    driven.run(Infer)
    assert driven.now >= earliest_s
    assert sum(isinstance(move, Renew) for move in driven.sent) == confirmations


def test_the_photo_is_prepared_while_the_confirmation_is_waited_for():
    driven = Driven()
    driven.run(Renew)
    assert driven.kinds() == [ProbeUpload, Fetch, Prepare]
    assert driven.job.pace.stage is Stage.CONFIRM


def test_a_renewal_asks_for_the_full_length_and_so_never_shortens():
    assert Driven().run(Renew) == Renew(600)


def test_the_lease_is_renewed_while_the_inference_moves():
    driven = Driven()
    driven.run(Infer)
    renewals = 0
    for step in range(1, 400):
        driven.now += 2
        driven.job.moved(driven.now, step, 400)
        for move in driven.step():
            renewals += isinstance(move, Renew)
            driven.finish(move)
    assert renewals == pytest.approx(800 / 120, abs=1)
    assert driven.job.ending is None


def test_a_hung_inference_is_renewed_no_more_and_its_lease_is_lost_by_itself():
    driven = Driven()
    driven.run(Infer)
    driven.job.moved(driven.now, 1, 50)
    hung_at = driven.now
    while driven.job.ending is None:
        driven.now += 1
        for move in driven.step():
            assert driven.now - hung_at <= 100 + 1, "renewed although nothing moves"
            driven.finish(move)
    assert driven.job.ending is Ending.LOST


def test_a_hung_job_does_not_ask_to_be_woken_for_a_renewal_that_is_withheld():
    driven = Driven()
    driven.run(Infer)
    driven.job.moved(driven.now, 1, 50)
    driven.now += 150
    assert driven.step() == []
    assert driven.job.wake_at(driven.now) > driven.now


def test_an_inference_that_moves_again_is_renewed_again():
    driven = Driven()
    driven.run(Infer)
    driven.job.moved(driven.now, 1, 50)
    driven.now += 150
    assert driven.step() == []
    driven.job.moved(driven.now, 2, 50)
    assert driven.step() == [Renew(600)]


def test_one_404_on_a_heartbeat_ends_nothing_and_two_end_the_work():
    driven = Driven()
    driven.run(Infer)
    driven.now += 121
    driven.job.moved(driven.now, 1, 50)
    driven.finish(driven.renewal(), Fault.MISSED)
    assert driven.job.ending is None
    driven.finish(driven.renewal(), Fault.MISSED)
    assert driven.job.ending is Ending.LOST


def test_a_404_on_the_heartbeat_and_one_on_the_report_are_two():
    driven = Driven()
    report = driven.run(ReportCompleted)
    driven.finish(driven.renewal(), Fault.MISSED)
    driven.now += 3
    driven.finish(report, Fault.MISSED)
    assert driven.job.ending is Ending.LOST


def test_a_403_ends_the_work_at_once():
    driven = Driven()
    driven.fail(ReportCompleted, Fault.REFUSED)
    assert driven.job.ending is Ending.LOST


@pytest.mark.parametrize("fault", [Fault.TRANSIENT, Fault.NOT_NOW])
def test_no_other_failure_of_a_heartbeat_is_a_loss(fault):
    driven = Driven()
    driven.fail(Renew, fault, times=20)
    assert driven.job.ending is None


def test_a_server_that_is_down_for_longer_than_the_lease_costs_the_lease():
    driven = Driven()
    driven.run(Infer)
    while driven.job.ending is None:
        driven.now += 5
        driven.job.moved(driven.now, 1, 50)
        for move in driven.step():
            driven.finish(move, Fault.TRANSIENT)
    assert driven.job.ending is Ending.LOST
    assert driven.now == pytest.approx(570, abs=10)


def test_after_a_long_stop_of_the_process_nothing_is_sent():
    driven = Driven()
    infer = driven.run(Infer)
    driven.now += 10_000
    driven.finish(infer)
    assert driven.step() == []
    assert driven.job.ending is Ending.LOST


def test_a_report_that_was_answered_just_after_the_deadline_did_succeed():
    driven = Driven()
    report = driven.run(ReportCompleted)
    driven.now = driven.job.lease.deadline + 1
    driven.finish(report)
    assert driven.job.ending is Ending.COMPLETED


def test_an_unanswered_report_is_sent_again_the_same_until_it_is_answered():
    driven = Driven()
    driven.fail(ReportCompleted, Fault.TRANSIENT, times=8)
    again = driven.run(ReportCompleted)
    reports = [move for move in driven.sent if isinstance(move, ReportCompleted)]
    assert set(reports) == {again}
    driven.finish(again)
    assert driven.job.ending is Ending.COMPLETED


def test_failed_is_never_sent_after_completed_not_even_when_asked_to():
    driven = Driven()
    driven.fail(ReportCompleted, Fault.TASK_AT_FAULT)
    assert driven.job.ending is Ending.ABANDONED
    assert ReportFailed not in driven.kinds()


def test_a_wait_that_the_server_asked_for_is_no_silence():
    driven = Driven()
    driven.finish(driven.run(Fetch), Fault.TRANSIENT, retry_after_s=290.0)
    driven.now += 280
    assert not driven.job.stalled(driven.now)


@pytest.mark.parametrize(
    ("missed_before", "answer", "sends"),
    [
        (False, None, [Release()]),
        (False, Fault.TRANSIENT, [Release()]),
        (False, Fault.MISSED, [Release()]),
        (True, Fault.MISSED, []),
        (False, Fault.REFUSED, []),
    ],
)
def test_a_lease_is_given_back_once_the_renewal_on_its_way_has_not_lost_it(
    missed_before, answer, sends
):
    driven = Driven()
    driven.run(Infer)
    driven.finish(driven.renewal(), Fault.MISSED if missed_before else None)
    driven.job.moved(driven.now + 60, 1, 50)
    renewal = driven.renewal()
    driven.job.stop(driven.now)
    assert driven.step() == []
    assert driven.job.wake_at(driven.now) > driven.now
    driven.finish(renewal, answer)
    assert driven.step() == sends
    assert driven.job.ending is (None if sends else Ending.LOST)


def test_a_stop_gives_the_lease_back_once_and_sends_nothing_else():
    driven = Driven()
    driven.run(Infer)
    driven.job.stop(driven.now)
    assert driven.step() == [Release()]
    driven.finish(Release(), Fault.TRANSIENT)
    driven.now += 100
    assert driven.step() == []
    assert driven.job.ending is Ending.RELEASED


def test_a_video_on_its_way_out_may_arrive_before_the_lease_is_given_back():
    driven = Driven()
    store = driven.run(Store)
    driven.job.stop(driven.now, deliver_until=driven.now + 3)
    assert driven.step() == []
    driven.now += 1
    driven.finish(store, text=PATHS[1])
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED


def test_a_video_that_does_not_arrive_in_time_waits_no_longer():
    driven = Driven()
    driven.run(Store)
    driven.job.stop(driven.now, deliver_until=driven.now + 3)
    assert driven.job.wake_at(driven.now) == driven.now + 3
    driven.now += 3
    assert driven.step() == [Release()]


def test_an_inference_is_not_waited_for_when_everything_stops():
    driven = Driven()
    driven.run(Infer)
    driven.job.stop(driven.now, deliver_until=driven.now + 3)
    assert driven.step() == [Release()]


def test_the_outcome_of_what_was_cancelled_changes_nothing():
    driven = Driven()
    infer = driven.run(Infer)
    driven.job.stop(driven.now)
    driven.finish(infer)
    assert driven.step() == [Release()]


def test_the_seconds_of_each_stage_add_up_to_the_whole():
    driven = Driven()
    driven.run(Infer)
    driven.now += 42
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.stage_s[Stage.INFER] == pytest.approx(42)
    assert sum(driven.job.stage_s.values()) == pytest.approx(driven.now)
