"""One task in work: its job, its bench and its fence, held together.

The job decides, the bench does, the fence stops. This module only carries moves to lanes and
outcomes back, and keeps the fence's deadline equal to the lease's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from loguru import logger

from client.wire import Task
from inference.backend import Video
from pool.child.fence import Fence
from pool.child.news import Inbox, MoveEnded
from pool.child.signs import Signs
from pool.child.translate import Verdict, verdict
from pool.child.workbench import Tools, Workbench
from pool.event_log import EventName
from pool.lease.job import Job, JobRules
from pool.lease.moves import (
    Encode,
    Ending,
    Infer,
    Move,
    Outcome,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.order import COMPUTES, STAGE, Phase
from pool.lease.pace import Stage
from pool.messages import Current, TaskEnded

_COMPUTING = tuple(STAGE[move] for move in COMPUTES)


class Runner(Protocol):
    """Runs one thing after the other, elsewhere. Implemented by `pool.child.lanes.Lane`."""

    @property
    def busy(self) -> bool: ...
    def submit(self, job: Callable[[], None]) -> None: ...


@dataclass(frozen=True)
class Lanes:
    """The threads of a child. `renewals` has one for each lease that it can hold."""

    device: Runner
    fetch: Runner
    deliver: Runner
    poll: Runner
    renewals: tuple[Runner, ...]

    def of(self, move: Move, seat: int) -> Runner:
        """Where a move runs: heartbeats never wait behind a transfer, nor one task behind another.

        `seat` is the place that the task has among those in work.
        """
        match move:
            case Renew() | Release():
                return self.renewals[seat]
            case Infer():
                return self.device
            case Encode() | Store() | ReportCompleted() | ReportFailed():
                return self.deliver
            case _:
                return self.fetch


@dataclass(frozen=True)
class Means:
    """What every task of one child is worked on with."""

    tools: Tools
    lanes: Lanes
    inbox: Inbox
    rules: JobRules
    clock: Callable[[], float]


@dataclass(frozen=True)
class Admission:
    """How a task came in. `serial` tells its outcomes from those of others.

    `asked_at` is the monotonic second at which the question for it left. `seat` is its place among
    the tasks in work. `alone`: a child died over it before, so nothing else may be in work beside
    it. `found` is its video, finished under an earlier lease.
    """

    serial: int
    asked_at: float
    seat: int
    alone: bool
    found: Video | None


class InWork:
    """A leased task and everything that is done about it. Used by the main thread."""

    def __init__(self, task: Task, job: Job, means: Means, admission: Admission) -> None:
        self.task = task
        self.job = job
        self.serial = admission.serial
        self.asked_at = admission.asked_at
        self.alone = admission.alone
        self.seat = admission.seat
        self.unfit: str | None = None
        self.suspect = False
        self.infer_started_at: float | None = None
        self.inferring = False
        self.was_ready = False
        self._open = 0
        self._due: list[Move] = []
        self._means = means
        self._fence = Fence(job.lease.deadline, means.clock)
        self._signs = Signs(means.clock, means.inbox)
        lease_id = f"{means.tools.worker_id}#{self.serial}"
        self._bench = Workbench(task, lease_id, means.tools, self._fence, self._signs.note)
        self._bench.video = admission.found
        self._log = logger.bind(item_id=task.item_id)

    def step(self, now: float, may: Callable[[Move], bool]) -> None:
        """Decide what is due, and close the fence once nothing may leave any more."""
        self._take_signs()
        before = self.job.pace.stage
        moves = self.job.step(now, may)
        self._fence.deadline = self.job.lease.deadline
        if self.job.ending is not None or self.job.stopping:
            self._fence.close()
        for move in moves:
            self._admit(move, now)
        if self.job.pace.stage is not before:
            self._log.debug("stage {}", self.job.pace.stage)

    def start(self) -> None:
        """Start what is due."""
        due, self._due = self._due, []
        for move in due:
            lane = self._means.lanes.of(move, self.seat)
            lane.submit(partial(self._carry_out, move))

    def handle(self, ended: MoveEnded) -> None:
        """Take in what came of a move."""
        self._open -= 1
        if isinstance(ended.outcome.move, Infer):
            self.inferring = False
        if ended.verdict is not None:
            self.unfit = self.unfit or ended.verdict.unfit
            self.suspect |= ended.verdict.suspect
        self._take_signs()
        was_confirmed = self.job.confirmed
        # By the time of the answer, not by that at which the loop got round to it: a loop that was
        # held up must not take two 404s for closer together than they were.
        self.job.handle(ended.outcome, ended.ended_at)
        if self.job.confirmed and not was_confirmed:
            self._note("confirmed")
        if (event := _event_of(ended.outcome)) is not None:
            self._note(event)

    def give_back(self, now: float, *, deliver_until: float = 0.0) -> None:
        """Stop the work and release the lease."""
        self.job.stop(now, deliver_until=deliver_until)

    @property
    def remote(self) -> bool:
        """Whether the inference runs elsewhere, and this process only waits for it."""
        return self._means.tools.remote

    @property
    def over(self) -> bool:
        """Whether the lease has ended and every move for it has come back."""
        return self.job.ending is not None and self._open == 0

    @property
    def ready(self) -> bool:
        """Whether everything before the device is done."""
        return self.job.held or self.inferring

    @property
    def phase(self) -> Phase:
        """On which side of the device's work the task is."""
        return self.job.phase

    def clear(self) -> None:
        """Remove what the task left on disk and in memory; a video that is owed stays."""
        settled = self.job.ending in (Ending.COMPLETED, Ending.FAILED)
        self._bench.clear(delivered=settled)

    def current(self, now: float) -> Current:
        """What the supervisor is told of the task."""
        pace = self.job.pace
        return Current(
            item_id=self.task.item_id,
            stage=pace.stage,
            step=pace.done,
            steps=pace.total,
            progress=min(1.0, pace.done / pace.total) if pace.total else 0.0,
            eta_s=pace.eta_s(now),
            lease_deadline=self.job.lease.deadline,
            moved_at=pace.moved_at,
            limit_s=pace.limit_s(self._means.rules.limits),
            computing=self._computing(pace.stage),
        )

    def _computing(self, stage: Stage) -> bool:
        return stage in _COMPUTING and not (stage is Stage.INFER and self.remote)

    def ended(self) -> TaskEnded:
        """The last word on the task, for the supervisor."""
        if self.job.ending is None:
            raise RuntimeError("the task has not ended")
        self._note(self.job.ending.value)
        video = self._bench.video
        return TaskEnded(
            item_id=self.task.item_id,
            ending=self.job.ending.value,
            reason=self.job.reason,
            stage_s={str(stage): round(s, 3) for stage, s in self.job.stage_s.items()},
            suspect=self.suspect,
            photo=self._photo(),
            storage_path=self.job.storage_path,
            video_frames=video.frames if video else None,
            video_size=f"{video.width}x{video.height}" if video else None,
        )

    def _photo(self) -> Literal["fetched", "unsigned"] | None:
        if Stage.PREPARE in self.job.stage_s:
            return "fetched"
        unsigned = self.job.ending is Ending.ABANDONED and self.job.photo_unsigned
        return "unsigned" if unsigned else None

    def _take_signs(self) -> None:
        for sign in self._signs.take():
            self.job.moved(*sign)

    def _note(self, event: EventName) -> None:
        tools = self._means.tools
        tools.events.note(event, tools.worker_id, self.task.item_id)

    def _admit(self, move: Move, now: float) -> None:
        self._open += 1
        self._due.append(move)
        if isinstance(move, Infer):
            self.infer_started_at = now
            self.inferring = True
            self._note("infer_started")

    def _carry_out(self, move: Move) -> None:
        """Runs on a lane."""
        sent_at = self._means.clock()
        found: Verdict | None
        try:
            text = self._bench.carry_out(move)
        except BaseException as error:  # noqa: BLE001 - every end of a move must reach the loop
            found = verdict(error, move)
            if found.unfit is not None:
                log = self._log.opt(exception=error)
                log.error("{} failed: {}", type(move).__name__, found.text)
            else:
                self._log.debug("{}: {} ({})", type(move).__name__, found.fault, found.text)
            outcome = Outcome(move, sent_at, found.fault, found.text, found.retry_after_s)
        else:
            found, outcome = None, Outcome(move, sent_at, text=text)
        ended_at = self._means.clock()
        self._means.inbox.put(MoveEnded(self.serial, outcome, found, ended_at))


def _event_of(outcome: Outcome) -> EventName | None:
    """What the end of a move is in the event log, if anything."""
    match outcome.move:
        case Infer():
            return "infer_ended"
        case Encode() if outcome.fault is None:
            return "kept"
        case Store() if outcome.fault is None:
            return "stored"
        case _:
            return None
