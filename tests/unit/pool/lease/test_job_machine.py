"""The rules of a lease under whatever happens, in whatever order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pool.lease.moves import (
    Fault,
    Infer,
    Renew,
    ReportCompleted,
    ReportFailed,
)
from tests.unit.pool.lease.driven_job import PATHS, Driven


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
