"""A job that is driven by hand: a clock that is told, outcomes that are given."""

from pool.lease.job import Job, JobRules, Known
from pool.lease.lease import Lease
from pool.lease.moves import (
    Outcome,
    ProbeUpload,
    Renew,
    Store,
)
from pool.lease.pace import Limits, Stage
from pool.lease.renewal import RenewalRules

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
