"""One lease from taking it to its end: which move comes next, and which must never come.

Theory of operation. A job is a state machine without I/O. Its owner (the child's loop, or a
simulation) calls `step(now)` and starts the moves that come back; hands every `Outcome` to
`handle`; tells `moved` of each sign of life; and calls `step` again at `wake_at`, or sooner after
news. Two things run beside each other: the *work*, one move at a time in the order that
`pool.lease.order` gives, and the *renewals*, which confirm the lease and keep it. They meet in two
places: a move in `NEEDS_CONFIRMATION` waits until the lease is confirmed, and a lost lease ends the
work.

What holds by construction:

* Once `ending` is set, `step` returns nothing, whatever arrives later: after a loss nothing more is
  sent for the task.
* From the first `ReportCompleted` on, no other report can follow: `failed` is never sent after
  `completed`, not even when the answer was lost.
* `ReportCompleted` is reached only from `Store`, or because the object exists already, or may:
  the server signs the object before it believes a report, so the report is the look.
* What this host holds against a task is reported only where its video does not exist: a worker that
  died over it may have stored it, and even have reported it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pool.lease.lease import Lease
from pool.lease.moves import (
    Ending,
    Fault,
    Fetch,
    Infer,
    Move,
    Outcome,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.order import AFTER, DELIVERS, FINISHES, NEEDS_CONFIRMATION, NEXT, STAGE, Phase
from pool.lease.pace import Limits, Pace, Practice, Stage
from pool.lease.renewal import RenewalAttempts, RenewalRules, confirmed, next_renewal_at
from pool.lease.retry import PRESUMED_ATTEMPTS, PRESUMPTIONS, PROBE_ATTEMPTS, Retry


@dataclass(frozen=True)
class JobRules:
    """What holds for every lease of one child."""

    renewal: RenewalRules
    limits: Limits


@dataclass(frozen=True)
class Known:
    """What is known of a task before anything is done about it.

    `paths` are the storage paths under which the video may lie already, the likeliest first.
    `made`: the video was finished under an earlier lease and only has to be delivered. `fault` is
    what was found wrong with the task itself when it was read. `held_against` is why this host does
    not try it again. Both are for its owner.
    """

    paths: Sequence[str]
    made: bool = False
    fault: str | None = None
    held_against: str | None = None


class Job:
    """The state of one lease. Used by one thread, the child's main thread.

    `jitter` gives a number in [0, 1) at every call. `practice`, which its owner keeps up to date,
    is what this process has learned of inferences.
    """

    def __init__(
        self, lease: Lease, rules: JobRules, known: Known, jitter: Callable[[], float]
    ) -> None:
        self.lease = lease
        self.ending: Ending | None = None
        self.held = False
        self.reason = ""
        self.storage_path: str | None = None
        self.practice = Practice()
        self.pace = Pace(stage=Stage.CONFIRM, moved_at=lease.answered_at)
        self.stage_s: dict[Stage, float] = {}
        self.photo_unsigned = False
        self._rules = rules
        self._paths = list(known.paths)
        self._jitter = jitter
        self._known = known
        self._next: Move | None = ReportFailed(known.fault) if known.fault else ProbeUpload()
        self._running: Move | None = None
        self._retry = Retry()
        self._renewing = False
        self._attempts = RenewalAttempts()
        self._renew_at = self._renewal_time()
        self._entered_at = lease.answered_at
        self._seed_offset = 0
        self._stored = False
        self._maybe_stored = False
        self._presumptions = 0
        self._completed_sent = False
        self._release_at: float | None = None

    def step(self, now: float, may: Callable[[Move], bool] = lambda _: True) -> list[Move]:
        """The moves to start now. Never the same move twice while it runs.

        `may` tells whether a move may start as far as others are concerned: there is one device for
        several tasks. A job that is kept waiting so asks again at its next `step`.
        """
        self._notice_deadline(now)
        if self.ending is not None:
            return []
        if self._release_at is not None and now >= self._release_at and not self.stopping:
            self._give_back(now)
        moves: list[Move] = []
        if now >= self._renew_at and not self._renewals_withheld(now):
            self._renewing = True
            moves.append(Renew(self._rules.renewal.length_s))
        move = self._work_due(now)
        self.held = move is not None and not may(move)
        if move is not None and not self.held:
            self._start(move, now)
            moves.append(move)
        return moves

    def wake_at(self, now: float) -> float:
        """The moment at which `step` has something to do, if no news comes before."""
        times = [self.lease.deadline]
        if self._release_at is not None and not self.stopping:
            times.append(self._release_at)
        if not self._renewals_withheld(now):
            times.append(self._renew_at)
        if self._next is not None and not self.held and not self._waits_for_an_answer():
            times.append(self._retry.next_at)
        return min(times)

    def moved(self, now: float, done: int, total: int) -> None:
        """Take note of a sign of life from the move that runs."""
        if self._running is not None:
            self.pace = self.pace.moved(now, done, total)

    def waited(self, now: float) -> None:
        """Take note that what this job is kept waiting for is alive."""
        if self.held:
            self.pace = self.pace.moved(now, self.pace.done, self.pace.total)

    def stop(self, now: float, *, deliver_until: float = 0.0) -> None:
        """Give the lease back: what runs is to be cancelled, and nothing else follows.

        A finished video that is on its way out may still be stored and reported `deliver_until`.
        """
        if self.ending is not None or self.stopping:
            return
        if self.pace.stage in DELIVERS and now < deliver_until:
            self._release_at = deliver_until
        else:
            self._give_back(now)

    def handle(self, outcome: Outcome, now: float) -> None:
        """Take in what came of a move. Outcomes that arrive after the end change nothing.

        A move that succeeded although the deadline passed meanwhile did succeed: the deadline is
        looked at last.
        """
        if self.ending is not None:
            return
        if isinstance(outcome.move, Renew):
            self._renewal_answered(outcome, now)
        elif outcome.move == self._running:
            self._running = None
            if outcome.fault is None:
                self._succeeded(outcome, now)
            else:
                self._failed(outcome, outcome.fault, now)
        self._notice_deadline(now)

    @property
    def phase(self) -> Phase:
        """On which side of the device's work the job is.

        What comes next decides before the stage does: the stage changes when a move starts.
        """
        if isinstance(self._running, Infer):
            return Phase.ON_DEVICE
        if isinstance(self._next, Infer):
            return Phase.BEFORE
        after = isinstance(self._next, FINISHES) or self.pace.stage in AFTER
        return Phase.AFTER if after else Phase.BEFORE

    @property
    def confirmed(self) -> bool:
        """Whether the lease was confirmed often enough for the work that costs."""
        return confirmed(self.lease, self._rules.renewal)

    @property
    def stopping(self) -> bool:
        """Whether the lease is on its way back."""
        return isinstance(self._next or self._running, Release)

    def stalled(self, now: float) -> bool:
        """Whether the work has been silent for longer than its stage allows."""
        return self.pace.stalled(now, self._rules.limits)

    def _give_back(self, now: float) -> None:
        self._running = None
        self._retry = Retry()
        self._next = Release()
        self._enter(Stage.REPORT, now)

    # Renewals

    def _renewals_withheld(self, now: float) -> bool:
        return self._renewing or self.stopping or self.stalled(now)

    def _renewal_answered(self, outcome: Outcome, now: float) -> None:
        self._renewing = False
        match outcome.fault:
            case None:
                self.lease = self.lease.renewed(
                    sent_at=outcome.sent_at,
                    answered_at=now,
                    extend_s=self._rules.renewal.length_s,
                )
                self._attempts = RenewalAttempts()
            case Fault.REFUSED:
                self.lease = self.lease.refused()
            case fault:
                if fault is Fault.MISSED:
                    self.lease = self.lease.missed(now)
                self._attempts = RenewalAttempts(
                    self._attempts.failures + 1, now, outcome.retry_after_s
                )
        if self._waits_for_confirmation():
            self.pace = self.pace.moved(now, self.lease.confirmations, 0)
        self._renew_at = self._renewal_time()

    def _renewal_time(self) -> float:
        return next_renewal_at(self.lease, self._rules.renewal, self._attempts, self._jitter())

    # Work

    def _work_due(self, now: float) -> Move | None:
        if self._next is None or now < self._retry.next_at:
            return None
        if self._waits_for_confirmation() and self.pace.stage is not Stage.CONFIRM:
            self._enter(Stage.CONFIRM, now)
        return None if self._waits_for_an_answer() else self._next

    def _waits_for_an_answer(self) -> bool:
        """Whether a renewal has to be answered first: the answer may be that the lease is lost."""
        returning = isinstance(self._next, Release) and self._renewing
        return returning or self._waits_for_confirmation()

    def _waits_for_confirmation(self) -> bool:
        return isinstance(self._next, NEEDS_CONFIRMATION) and not self.confirmed

    def _start(self, move: Move, now: float) -> None:
        self._running, self._next = move, None
        self._completed_sent |= isinstance(move, ReportCompleted)
        stage = STAGE[type(move)]
        if stage is self.pace.stage and not isinstance(move, Infer):
            self.pace = self.pace.moved(now, 0, 0)
        else:
            self._enter(stage, now)

    def _enter(self, stage: Stage, now: float) -> None:
        self._close_stage(now)
        self.pace = self.pace.entered(stage, now, self.practice)

    def _close_stage(self, now: float) -> None:
        spent = self.stage_s.get(self.pace.stage, 0.0)
        self.stage_s[self.pace.stage] = spent + now - self._entered_at
        self._entered_at = now

    def _follow_with(self, move: Move) -> None:
        self._retry = Retry()
        self._next = move

    def _succeeded(self, outcome: Outcome, now: float) -> None:
        match outcome.move:
            case ReportCompleted(path):
                self.storage_path = path
                self._end(Ending.COMPLETED, "", now)
            case ReportFailed(reason):
                self._end(Ending.FAILED, reason, now)
            case Release():
                self._end(Ending.RELEASED, "given back", now)
            case Store():
                self._stored = True
                self._follow_with(ReportCompleted(outcome.text))
            case ProbeUpload():
                self._paths = [outcome.text]
                self._follow_with(self._after_probe())
            case move:
                self._follow_with(NEXT[type(move)])

    def _after_probe(self) -> Move:
        """There is no video in the storage: deliver ours, or say why none is made, or make one."""
        if self._known.made:
            return Store()
        against = self._known.held_against
        return ReportFailed(against) if against else NEXT[ProbeUpload]

    def _failed(self, outcome: Outcome, fault: Fault, now: float) -> None:
        match fault:
            case Fault.TASK_AT_FAULT if not self._completed_sent:
                self._follow_with(ReportFailed(outcome.text))
            case Fault.ABSENT if self._retry.absent:
                self._follow_with(ReportFailed(outcome.text))
            case Fault.BAD_OUTPUT:
                self._output_was_bad(outcome)
            case Fault.STORED_ALREADY:
                self._stored = isinstance(outcome.move, Store)
                self._follow_with(ReportCompleted(self._paths[0]))
            case Fault.REFUSED:
                self.lease = self.lease.refused()
            case Fault.MAYBE_STORED:
                self._maybe_stored = True
                self._presume(outcome, now)
            case Fault.MISSED | Fault.TRANSIENT | Fault.ABSENT | Fault.UNSIGNED:
                self.photo_unsigned = (outcome.move, fault) == (Fetch(), Fault.UNSIGNED)
                if fault is Fault.MISSED:
                    self.lease = self.lease.missed(now)
                self._try_again(outcome, fault, now)
            case _:
                self._give_up(outcome, now)

    def _output_was_bad(self, outcome: Outcome) -> None:
        if self._seed_offset:
            self._follow_with(ReportFailed(f"no usable video came out, twice: {outcome.text}"))
        else:
            self._seed_offset = 1
            self._follow_with(Infer(seed_offset=1))

    def _try_again(self, outcome: Outcome, fault: Fault, now: float) -> None:
        move = outcome.move
        self._retry = self._retry.failed(
            fault,
            now,
            jitter=self._jitter(),
            retry_after_s=outcome.retry_after_s,
            renewal_interval_s=self._rules.renewal.interval_s,
        )
        # To wait as one was told is no silence.
        self.pace = self.pace.moved(self._retry.next_at, self.pace.done, self.pace.total)
        if self._may_exist(move) and self._retry.unsigned >= PROBE_ATTEMPTS:
            self._presume(outcome, now)
        elif isinstance(move, ReportCompleted) and not self._stored:
            self._presume_elsewhere(outcome, now)
        elif isinstance(move, Release) or self._retry.exhausted(move):
            self._give_up(outcome, now)
        else:
            self._next = move

    def _may_exist(self, move: Move) -> bool:
        """Whether a refusal to sign an upload may mean that the object is there."""
        return isinstance(move, ProbeUpload) or (isinstance(move, Store) and self._maybe_stored)

    def _presume(self, outcome: Outcome, now: float) -> None:
        """Report the object as if it were there: the server looks before it believes."""
        self._presumptions += 1
        if self._presumptions > PRESUMPTIONS:
            self._give_up(outcome, now)
        else:
            self._follow_with(ReportCompleted(self._paths[0]))

    def _presume_elsewhere(self, outcome: Outcome, now: float) -> None:
        """Report the object at the next place where it may lie: each is tried a few times.

        A video that is here and did not arrive after all is stored again.
        """
        if self._retry.failures < PRESUMED_ATTEMPTS * len(self._paths):
            self._next = ReportCompleted(self._paths[self._retry.failures % len(self._paths)])
        elif self._maybe_stored:
            self._follow_with(Store())
        else:
            self._give_up(outcome, now)

    def _give_up(self, outcome: Outcome, now: float) -> None:
        ending = Ending.RELEASED if isinstance(outcome.move, Release) else Ending.ABANDONED
        self._end(ending, outcome.text, now)

    # Ends

    def _notice_deadline(self, now: float) -> None:
        if self.ending is None:
            self.lease = self.lease.at(now)
            if self.lease.lost is not None:
                self._end(Ending.LOST, self.lease.lost, now)

    def _end(self, ending: Ending, reason: str, now: float) -> None:
        self._close_stage(now)
        self.ending, self.reason = ending, reason
        self._next = self._running = None
