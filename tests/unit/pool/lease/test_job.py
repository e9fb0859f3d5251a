"""The state machine of one lease, driven by hand: a clock that is told, outcomes that are given."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pool.lease.job import Job, JobRules, Known
from pool.lease.lease import Lease
from pool.lease.moves import (
    Encode,
    Ending,
    Fault,
    Fetch,
    Infer,
    Outcome,
    Prepare,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.pace import Limits, Stage
from pool.lease.renewal import RenewalRules
from pool.lease.retry import ABSENT_GAP_S

LIMITS = Limits(
    {stage.value: 100.0 for stage in Stage}
    | {"first_step": 200.0, "step_floor": 10.0, "report": 300.0}
)
PATHS = ("videos/i.mp4", "generated-videos/i.mp4")


def rules(confirmations=1, interval_s=120):
    renewal = RenewalRules(length_s=600, interval_s=interval_s, confirmations=confirmations)
    return JobRules(renewal, LIMITS)


class Driven:
    """A job and its clock. `run` lets moves succeed until one of the given type is started."""

    def __init__(self, confirmations=1, fault=None, made=False, held_against=None, interval_s=120):
        self.now = 0.0
        lease = Lease.taken(sent_at=0, answered_at=0, length_s=600)
        known = Known(PATHS, made, fault, held_against)
        self.job = Job(lease, rules(confirmations, interval_s), known, jitter=lambda: 0.0)
        self.open = []
        self.sent = []

    def step(self):
        moves = self.job.step(self.now)
        self.open += moves
        self.sent += moves
        return moves

    def finish(self, move, fault=None, text="", **more):
        self.open.remove(move)
        self.job.handle(Outcome(move, self.now, fault, text, **more), self.now)

    def advance(self):
        """Go on to the next moment at which the job has something to do."""
        self.now = max(self.now, self.job.wake_at(self.now))

    def run(self, kind):
        """Let everything succeed until a move of this kind is started; the move."""
        for _ in range(200):
            self.step()
            waiting = [move for move in self.open if isinstance(move, kind)]
            if waiting:
                return waiting[0]
            if self.open:
                move = self.open[0]
                text = PATHS[1] if isinstance(move, ProbeUpload | Store) else ""
                self.finish(move, text=text)
            else:
                self.advance()
        raise AssertionError(f"{kind} never came; sent {self.sent}")

    def renewal(self):
        """The next renewal, while the work goes on."""
        for _ in range(50):
            if any(isinstance(move, Renew) for move in [*self.open, *self.step()]):
                return Renew(600)
            self.advance()
        raise AssertionError("no renewal came")

    def fail(self, kind, fault, times=1, text="why"):
        """Start a move of this kind and let it fail, this often in a row."""
        for _ in range(times):
            move = self.run(kind)
            self.finish(move, fault, text)

    def kinds(self):
        return [type(move) for move in self.sent if not isinstance(move, Renew)]


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


def test_an_object_that_exists_is_reported_without_any_work():
    driven = Driven()
    driven.fail(ProbeUpload, Fault.STORED_ALREADY)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert driven.kinds() == [ProbeUpload, ReportCompleted]
    assert driven.now >= 1, "the lease was confirmed first"


def test_uploads_that_cannot_be_signed_again_and_again_mean_that_the_object_exists():
    driven = Driven()
    driven.fail(ProbeUpload, Fault.UNSIGNED, times=4)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert Infer not in driven.kinds()


def test_a_network_in_trouble_is_no_reason_to_presume_a_video():
    driven = Driven()
    while driven.job.ending is None:
        driven.fail(ProbeUpload, Fault.TRANSIENT)
        driven.step()
        for renewal in [move for move in driven.open if isinstance(move, Renew)]:
            driven.finish(renewal)
    assert driven.job.ending is Ending.ABANDONED
    assert ReportCompleted not in driven.kinds()


def test_a_presumed_object_is_looked_for_in_both_places_and_then_let_go():
    driven = Driven()
    driven.fail(ProbeUpload, Fault.UNSIGNED, times=4)
    driven.fail(ReportCompleted, Fault.TRANSIENT, times=6)
    assert driven.job.ending is Ending.ABANDONED
    tried = {move.storage_path for move in driven.sent if isinstance(move, ReportCompleted)}
    assert tried == set(PATHS)
    assert ReportFailed not in driven.kinds()


def test_a_refused_put_because_it_exists_counts_as_stored():
    driven = Driven()
    driven.fail(Store, Fault.STORED_ALREADY)
    assert driven.run(ReportCompleted) == ReportCompleted(PATHS[1])


def test_a_video_that_is_made_already_is_delivered_and_not_made_again():
    driven = Driven(made=True)
    driven.finish(driven.run(ReportCompleted))
    assert driven.kinds() == [ProbeUpload, Store, ReportCompleted]
    assert driven.now >= 1, "the lease was confirmed first"


def test_what_may_not_start_yet_waits_without_waking_anybody_and_keeps_its_lease():
    driven = Driven()
    driven.run(Infer)
    driven.finish(Infer())
    for _ in range(100):
        driven.now += 10
        driven.job.waited(driven.now)
        moves = driven.job.step(driven.now, may=lambda move: not isinstance(move, Encode))
        assert all(isinstance(move, Renew) for move in moves)
        for move in moves:
            driven.job.handle(Outcome(move, driven.now), driven.now)
        assert driven.job.held
        assert driven.job.wake_at(driven.now) > driven.now
    assert driven.job.ending is None
    assert driven.step() == [Encode()]


def test_an_upload_without_an_answer_is_looked_for_before_it_is_sent_again():
    driven = Driven()
    driven.fail(Store, Fault.MAYBE_STORED)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert driven.kinds().count(Store) == 1


def test_an_upload_that_did_not_arrive_after_all_is_sent_again():
    driven = Driven()
    driven.fail(Store, Fault.MAYBE_STORED)
    driven.fail(ReportCompleted, Fault.TRANSIENT, times=3)
    driven.finish(driven.run(ReportCompleted))
    assert driven.job.ending is Ending.COMPLETED
    assert driven.kinds().count(Store) == 2


def test_an_upload_that_never_gets_an_answer_is_let_go_in_the_end():
    driven = Driven()
    while driven.job.ending is None:
        driven.step()
        for move in [*driven.open]:
            if isinstance(move, Store):
                driven.finish(move, Fault.MAYBE_STORED)
            elif isinstance(move, ReportCompleted):
                driven.finish(move, Fault.TRANSIENT)
            else:
                driven.finish(move, text=PATHS[1] if isinstance(move, ProbeUpload) else "")
        driven.advance()
    assert driven.job.ending is Ending.ABANDONED
    assert driven.kinds().count(Store) <= 6


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


class JobUnderAnyFaults(RuleBasedStateMachine):
    """Whatever happens, in whatever order: the rules of a lease hold.

    After an ending nothing is started; nothing that costs starts unconfirmed or past the deadline;
    `failed` never follows `completed`; one piece of work and one renewal at a time.
    """

    def __init__(self):
        super().__init__()
        self.driven = Driven()
        self.ended = False

    @rule(wait_s=st.floats(0, 700))
    def time_passes(self, wait_s):
        self.driven.now += wait_s

    @rule()
    def the_next_thing_is_due(self):
        if self.driven.job.ending is None:
            self.driven.advance()

    @rule()
    def step(self):
        held = self.driven.job.lease.at(self.driven.now).lost is None
        moves = self.driven.step()
        assert held or not moves
        assert not (self.ended and moves)
        for move in moves:
            if isinstance(move, Infer | ReportCompleted | ReportFailed):
                assert self.driven.job.lease.confirmations >= 1
        self.ended = self.driven.job.ending is not None

    @rule(data=st.data(), fault=st.sampled_from([None, None, None, *Fault]))
    def something_ends(self, data, fault):
        if self.driven.open:
            move = data.draw(st.sampled_from(self.driven.open))
            self.driven.finish(move, fault, PATHS[0])

    @rule(done=st.integers(0, 50))
    def work_moves(self, done):
        self.driven.job.moved(self.driven.now, done, 50)

    @rule()
    def stop(self):
        self.driven.job.stop(self.driven.now)

    @invariant()
    def failed_never_follows_completed(self):
        kinds = self.driven.kinds()
        if ReportCompleted in kinds:
            assert ReportFailed not in kinds[kinds.index(ReportCompleted) :]

    @invariant()
    def one_thing_at_a_time(self):
        renewals = [move for move in self.driven.open if isinstance(move, Renew)]
        assert len(renewals) <= 1


JobUnderAnyFaults.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestJobUnderAnyFaults = JobUnderAnyFaults.TestCase
