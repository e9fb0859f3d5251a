"""One lease's way to a finished Runway task: at most one paid create, and a watch to the end.

Theory of operation. Each turn of `run` asks the journal for the next step and carries it out:
resume a task that exists, create one, or stop. Whatever a step brings is written into the journal
before anything else happens, and the journal alone decides what follows, so the same rules hold for
a turn of this loop, for another lease of the item, and for the process that comes after a crash.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from loguru import logger

from inference.backend import CancelToken, Progress
from inference.errors import Cancelled, RequestRefused, TryLater
from inference.runway.answers import (
    Created,
    Fault,
    Gone,
    NotCreated,
    Status,
    TaskView,
    Unknown,
    Why,
    after_create,
    fault_of,
)
from inference.runway.api import RunwayApi
from inference.runway.attempts import Create, GiveUp, NotAgain, Resume, State, is_outage
from inference.runway.backoff import again_after_s
from inference.runway.clock import wait
from inference.runway.exchange import NoReply, Reply
from inference.runway.in_flight import InFlight
from inference.runway.journal import Begun, Capped, Journal, Order
from inference.runway.patience import Abandoned
from inference.runway.prepared import Prepared, data_uri
from inference.runway.remedies import (
    OUTAGE_PAUSE_S,
    REMEDIES,
    UNKNOWN_PAUSE_S,
    Remedy,
    refusal_sentence,
)
from inference.runway.watch import UNITS, KeyRefused, OutOfTime, Watch, Watching, ended

MOST_ASKS = 5
"""Requests that certainly created nothing, before the task is left for another time."""

_ASK_AGAIN_S = 1.0
_JITTER_SHARE = 0.5
_PLACE_WAIT_S = 1.0
_CAP_PAUSE_S = 600.0


@dataclass(frozen=True)
class Finished:
    """A Runway task that succeeded. Its links are signed, so they are never shown.

    Without links it is paid and finished all the same: they are asked for again.
    """

    order: Order
    number: int
    task_id: str
    links: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Means:
    """What every errand of one child works with."""

    api: RunwayApi
    journal: Journal
    in_flight: InFlight
    watching: Watching


class Errand:
    """One lease's errand. Made, run once and forgotten, on the device thread."""

    def __init__(
        self, means: Means, prepared: Prepared, progress: Progress, cancel: CancelToken
    ) -> None:
        self._means = means
        self._journal = means.journal
        self._prepared = prepared
        self._progress = progress
        self._cancel = cancel
        self._lease_id = prepared.request.lease_id
        self._picture_uri: str | None = data_uri(prepared.picture)
        self._asks = 0
        self._log = logger.bind(item_id=prepared.request.item_id)

    def run(self) -> Finished:
        """Wait for a place, then for a task that succeeds.

        Raises `RequestRefused`, `TryLater` and `Cancelled`.
        """
        while True:
            with self._means.in_flight.place() as free:
                if free:
                    return self._run()
            self._alive()
            wait(self._means.watching.clock, _PLACE_WAIT_S, self._cancel)

    def _run(self) -> Finished:
        while True:
            self._cancel.check()
            finished = self._turn()
            if finished is not None:
                return finished

    def _turn(self) -> Finished | None:
        """One step; None when the journal is to be asked again."""
        if self._picture_uri is None and isinstance(
            self._journal.step(self._prepared.order), Create
        ):
            self._upload()
            return None
        match self._journal.begin(self._prepared.order):
            case Resume(number, task_id):
                self._log.info("Runway task {} is taken up", task_id)
                self._journal.adopt(number, self._lease_id)
                return self._watched(number, task_id, fresh=False)
            case Begun(number, create):
                return self._create(number, create)
            case Capped(reason):
                self._journal.pause(_CAP_PAUSE_S, reason)
                raise TryLater(reason)
            case NotAgain(reason):
                raise TryLater(f"nothing more is paid for within this lease: {reason}")
            case GiveUp(reason):
                raise RequestRefused(reason)
            case Create():
                raise RuntimeError("a create without an intent")

    # Making a task

    def _upload(self) -> None:
        uploaded = self._means.api.upload(self._prepared.picture, self._stopped)
        self._cancel.check()
        if isinstance(uploaded, NotCreated):
            self._remedy(uploaded)
        else:
            self._picture_uri = uploaded

    def _create(self, number: int, create: Create) -> Finished | None:
        if create.maybe_twice:
            self._log.warning("an earlier create was never answered: it may have been paid twice")
        body = self._prepared.body(self._picture_uri or "", create.seed_offset)
        answer = self._means.api.create(body, self._noted(number), self._stopped)
        match after_create(answer):
            case Created(task_id):
                self._log.info("Runway task {} made; today: {}", task_id, self._today())
                return self._watched(number, task_id, fresh=True)
            case Unknown(reason):
                self._journal.pause(UNKNOWN_PAUSE_S, f"a create was not answered ({reason})")
                self._cancel.check()
                raise TryLater(f"a create may have been paid and was not answered: {reason}")
            case NotCreated() as refusal if self._to_be_uploaded(refusal):
                self._log.warning("{}; the photo is uploaded instead", refusal.text)
                self._picture_uri = None
            case NotCreated() as refusal:
                self._remedy(refusal)
        return None

    def _to_be_uploaded(self, refusal: NotCreated) -> bool:
        """Whether the photo gets another chance, since it was too large inside the request."""
        return refusal.too_large and (self._picture_uri or "").startswith("data:")

    def _noted(self, number: int) -> Callable[[Reply | NoReply, Abandoned], None]:
        """Writes down what a create's answer says, on the create's own thread."""

        def note(answer: Reply | NoReply, abandoned: Abandoned) -> None:
            match after_create(answer):
                case Created(task_id, usd):
                    self._write_down(number, task_id, usd)
                    if abandoned() and self._means.api.cancel(task_id):
                        self._journal.settle(number, State.GONE, "cancelled")
                case NotCreated(Why.UNNAMED, text) as refusal if not self._to_be_uploaded(refusal):
                    self._journal.settle(number, State.REBUFFED, text)
                case NotCreated():
                    self._journal.settle(number, State.UNSENT)

        return note

    def _write_down(self, number: int, task_id: str, usd: float | None) -> None:
        try:
            self._journal.created(number, task_id, usd)
        except TryLater:
            # Nobody would find the task again.
            self._means.api.cancel(task_id)
            raise

    def _remedy(self, refusal: NotCreated) -> None:
        """Wait, and let the next turn ask again; or raise."""
        named, model = self._prepared.choice.named, self._prepared.choice.model.sent
        text = f"{model}; {refusal.text}" if refusal.why is Why.MODEL else refusal.text
        remedy, said = REMEDIES[refusal.why], f"{refusal.why.value} ({text})"
        if refusal.why is Why.INPUT or (refusal.why is Why.MODEL and named):
            raise RequestRefused(f"the video service refused the task: {said}")
        self._asks += 1
        if not remedy.again or self._asks >= MOST_ASKS:
            self._pause(remedy, said)
        self._log.warning("{}; asked again in a moment", said)
        self._alive()
        watching = self._means.watching
        share = _JITTER_SHARE * watching.jitter()
        again_s = again_after_s(_ASK_AGAIN_S, self._asks, refusal.retry_after_s, share)
        wait(watching.clock, again_s, self._cancel, self._alive)

    def _pause(self, remedy: Remedy, said: str) -> NoReturn:
        words = f"{said}: {remedy.advice}" if remedy.advice else said
        self._journal.pause(remedy.pause_s, words)
        raise TryLater(words)

    def _today(self) -> str:
        try:
            return str(self._journal.today())
        except TryLater:
            return "not known at the moment"

    # Watching it

    def _watched(self, number: int, task_id: str, *, fresh: bool) -> Finished | None:
        watch = Watch(self._means.api, self._means.watching, task_id, self._progress, self._cancel)
        try:
            view = watch.to_the_end(fresh=fresh)
        except Cancelled:
            with contextlib.suppress(TryLater):
                self._cancel_remotely(number, task_id)
            raise
        except OutOfTime as late:
            self._late(number, task_id, queued=late.queued)
        except TryLater as error:
            # What cannot be watched is not bought.
            self._journal.pause(UNKNOWN_PAUSE_S, str(error))
            raise
        except KeyRefused as refusal:
            self._pause(REMEDIES[Why.KEY], f"{Why.KEY.value} ({refusal})")
        return self._judged(number, task_id, view)

    def _late(self, number: int, task_id: str, *, queued: bool) -> NoReturn:
        """Cancel a task that takes too long. One that never began says nothing about its item."""
        words = f"Runway task {task_id} was not done within {self._means.watching.timeout_s:g} s"
        if queued:
            words += " and never began: Runway's queue is long, a lower runway_max_in_flight helps"
        if self._cancel_remotely(number, task_id) and not queued:
            self._nobodys_fault(number, words)
        raise TryLater(words)

    def _judged(self, number: int, task_id: str, view: TaskView | Gone) -> Finished | None:
        if isinstance(view, Gone) or view.status is Status.CANCELLED:
            usd = None if isinstance(view, Gone) else view.usd
            self._journal.settle(number, State.GONE, f"Runway task {task_id} was cancelled", usd)
            return None
        if view.status is Status.SUCCEEDED:
            self._cancel.check()  # the task stays as it is, for the next lease
            self._progress(UNITS, UNITS)
            return Finished(self._prepared.order, number, task_id, view.output)
        self._failed(number, task_id, view)
        return None

    def _failed(self, number: int, task_id: str, view: TaskView) -> None:
        words = f"{view.code or view.status}: {view.text or 'without a reason'}"
        self._log.warning("Runway task {} failed: {}", task_id, words)
        match fault_of(view.code):
            case Fault.INPUT:
                sentence = refusal_sentence(view)
                self._journal.settle(number, State.REFUSED, sentence, view.usd)
                self._cancel.check()
                raise RequestRefused(sentence)
            case Fault.BAD_OUTPUT:
                self._journal.settle(number, State.BAD, words, view.usd)
            case Fault.PASSING:
                self._nobodys_fault(number, words, view.usd)

    def _nobodys_fault(self, number: int, words: str, usd: float | None = None) -> None:
        """A failure that is left for later; in an outage, everything is."""
        failures = self._journal.failed(number, words, usd)
        if is_outage(failures):
            reason = f"Runway failed {len(failures)} tasks in a row, of several items ({words})"
            self._journal.pause(OUTAGE_PAUSE_S, reason)
            raise TryLater(reason)

    def _alive(self) -> None:
        self._progress(0, UNITS)

    # Stopping

    def _stopped(self) -> bool:
        return self._cancel.cancelled

    def _cancel_remotely(self, number: int, task_id: str) -> bool:
        """Cancel the task, unless another lease watches it by now; whether that was done.

        Best effort, within seconds. A task that has ended, or may have, is left to the next lease:
        Runway's cancel would delete it.
        """
        if not self._journal.owned(number, self._lease_id):
            return False
        view = self._means.api.last_look(task_id)
        if ended(view) or not isinstance(view, TaskView):
            how = "has ended" if ended(view) else "may have ended"
            self._log.info("Runway task {} {} and is left to the next lease", task_id, how)
            return False
        if not self._means.api.cancel(task_id):
            self._log.warning("Runway task {} could not be cancelled; it goes on", task_id)
            return False
        self._journal.settle(number, State.GONE, f"Runway task {task_id} was cancelled")
        self._log.info("Runway task {} cancelled", task_id)
        return True
