"""Asks the queue for the next task, when it is the pool's turn to ask and this child's to do it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from loguru import logger

from client.errors import ClientError, Transient, Unauthorized
from client.wire import Task
from pool.child.desk import Wish
from pool.child.in_work import Runner
from pool.child.key_trial import try_key
from pool.child.news import Inbox, KeyRefused, Polled, Turned
from pool.child.poll_gate import PollGate, Turn
from pool.lease.polling import Answer, PollRules, PollState

_LOOK_AGAIN_S = 0.025
_LOOK_AGAIN_CAP_S = 0.2
_SIBLINGS_SPREAD_S = 0.02
_LOADS_LONG_S = 1.0
_DEFERENCE_S = 0.25
"""Longer than an idle sibling takes to ask, once it may."""
_NO_LINE_WAIT_S = 5.0


class Questions(Protocol):
    """The Worker API's question. Implemented by `client.WorkerApi`."""

    def next_task(self, worker_id: str, lease_duration_s: int) -> Task | None: ...
    def renew(self, item_id: str, worker_id: str, extend_s: int) -> object: ...


@dataclass(frozen=True)
class Asking:
    """Who asks, for what, and how often."""

    queue: Questions
    worker_id: str
    lease_duration_s: int
    rules: PollRules
    wanted: Callable[[str | None], bool]
    """Whether a task with this provider is of this pool's kind."""


class Poller:
    """One child's part in the pool's polling. Used by the main thread; waits and asks on a lane.

    A child that has nothing to do stands in line for the pool's turn to ask. The kernel wakes it
    when the turn is its own: at once while there is work, since the one before leaves the turn with
    the answer in hand. With an empty queue it finds that the turn is not to be used yet, leaves it
    to the next in line, and comes back when it may be.

    A child whose device works only looks whether the turn is free, from time to time. In line, it
    would be given the turn even while its inference hangs and keeps the interpreter to itself: no
    child of the pool could ask until it is killed.
    """

    def __init__(
        self,
        asking: Asking,
        gate: PollGate,
        lane: Runner,
        inbox: Inbox,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self.asking = False
        """Whether a question is on its way; its answer may be a lease."""
        self.look_at = 0.0
        """When to come back, if no news comes before."""
        self._asking = asking
        self._gate = gate
        self._lane = lane
        self._inbox = inbox
        self._clock = clock
        self._jitter = jitter
        self._turn: Turn | None = None
        self._look_again_s = _LOOK_AGAIN_S
        self._idle = False
        self._try_key_at: float | None = None

    def step(self, now: float, wish: Wish) -> None:
        """Stand in line or look when a task is wanted; use the turn, or leave it, when it is there.

        `Wish.NEXT`: siblings that have nothing to do go first, so this child asks a moment later.
        """
        if self.asking:
            return
        if self._turn is not None:
            self._use(self._turn, now, wish)
        elif wish is not Wish.NONE and now >= self.look_at:
            if wish is Wish.NOW:
                self.look_at = math.inf
                self._lane.submit(self._stand_in_line)
            else:
                self._look(now, wish)

    def turned(self, turned: Turned, now: float) -> None:
        """The turn has come, or cannot be had; what is done with it, the next step says."""
        self._turn = turned.turn
        self.look_at = now + (0.0 if turned.turn is not None else _NO_LINE_WAIT_S)

    def _look(self, now: float, wish: Wish) -> None:
        try:
            self._turn = self._gate.try_enter()
        except OSError as error:
            self._no_line(error)
            self.look_at = now + _NO_LINE_WAIT_S
            return
        if self._turn is not None:
            self._look_again_s = _LOOK_AGAIN_S
            self._use(self._turn, now, wish)
        else:
            self.look_at = now + self._look_again_s * (0.5 + self._jitter())
            self._look_again_s = min(_LOOK_AGAIN_CAP_S, self._look_again_s * 1.5)

    def _use(self, turn: Turn, now: float, wish: Wish) -> None:
        ask_at = turn.state.next_at + (_DEFERENCE_S if wish is Wish.NEXT else 0.0)
        if wish is Wish.NONE or ask_at > now:
            self._turn = None
            turn.leave()
            self.look_at = ask_at + _SIBLINGS_SPREAD_S * self._jitter()
            return
        self.asking = True
        self._say("[POLLING] Requesting next task...")
        self._lane.submit(self._ask)

    def try_key(self, now: float) -> None:
        """While the backend loads: show the key once, if that takes longer than a moment.

        A load takes a minute, and a wrong key should not be found only after it.
        """
        if self._try_key_at is None:
            self._try_key_at = now + _LOADS_LONG_S
        elif now >= self._try_key_at:
            self._try_key_at = math.inf
            self._lane.submit(self._show_key)

    def answered(self, polled: Polled, now: float) -> Task | None:
        """Write down what the pool must know of the answer; the task, if it is one for us.

        A task of the other kind is returned too: its lease must be given back.
        """
        answer, retry_after_s = self._classify(polled)
        if answer is Answer.EMPTY:
            self._say("[IDLE] No task available")
        self._idle = answer is Answer.EMPTY
        self.asking = False
        self.look_at = now
        turn, self._turn = self._turn, None
        if turn is not None:
            state = turn.state.after(
                answer,
                now,
                self._asking.rules,
                jitter=self._jitter(),
                retry_after_s=retry_after_s,
            )
            self._leave(turn, state, now)
        return polled.task

    def _leave(self, turn: Turn, state: PollState, now: float) -> None:
        """Write down when the pool may ask again; where that fails, only this child waits."""
        with turn:
            try:
                turn.put(state)
            except OSError as error:
                self.look_at = max(now, state.next_at)
                logger.warning("the pool's turn to ask cannot be written down: {}", error)

    def wanted(self, task: Task) -> bool:
        """Whether the task is of this pool's kind."""
        return self._asking.wanted(task.inference_provider)

    def _say(self, line: str) -> None:
        """Once when the queue falls empty; while it stays so, an idle pool fills no disk."""
        logger.log("DEBUG" if self._idle else "INFO", "{}", line)

    def _classify(self, polled: Polled) -> tuple[Answer, float | None]:
        match polled.error:
            case None:
                if polled.task is None:
                    return Answer.EMPTY, None
                return (Answer.TASK if self.wanted(polled.task) else Answer.NOT_OURS), None
            case Unauthorized():
                return Answer.UNAUTHORIZED, None
            case Transient() as error:
                return Answer.FAILED, error.retry_after_s
            case _:
                return Answer.FAILED, None

    def _show_key(self) -> None:
        """Runs on the lane. What is not a refusal will be met again by the first question."""
        try:
            try_key(self._asking.queue.renew, self._asking.worker_id)
        except Unauthorized as error:
            self._inbox.put(KeyRefused(error))
        except Exception as error:  # noqa: BLE001 - on a lane nothing may be raised
            logger.debug("the key could not be tried: {}", error)

    def _stand_in_line(self) -> None:
        """Runs on the lane, which waits here for as long as others ask."""
        try:
            self._inbox.put(Turned(self._gate.enter()))
        except OSError as error:
            self._no_line(error)
            self._inbox.put(Turned(None))

    @staticmethod
    def _no_line(error: OSError) -> None:
        logger.warning("the pool's turn to ask cannot be had: {}", error)

    def _ask(self) -> None:
        """Runs on the lane."""
        task: Task | None = None
        error: Exception | None = None
        sent_at = self._clock()
        try:
            task = self._asking.queue.next_task(
                self._asking.worker_id, self._asking.lease_duration_s
            )
        except ClientError as refusal:
            error = refusal
        except Exception as bug:  # noqa: BLE001 - the loop must hear of it, or the turn is never left
            logger.exception("asking for the next task failed unexpectedly")
            error = bug
        self._inbox.put(Polled(task, error, sent_at, self._clock()))
