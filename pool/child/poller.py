"""Asks the queue for the next task, when it is the pool's turn to ask and this child's to do it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from loguru import logger

from client.errors import ClientError, Transient, Unauthorized
from client.wire import Task
from pool.child.in_work import Runner
from pool.child.key_trial import try_key
from pool.child.news import Inbox, KeyRefused, Polled
from pool.child.poll_gate import PollGate, Turn
from pool.lease.polling import Answer, PollRules

_LOOK_AGAIN_S = 0.025
_LOOK_AGAIN_CAP_S = 0.2
_SIBLINGS_SPREAD_S = 0.02
_LOADS_LONG_S = 1.0
_DEFERENCE_S = 0.25
"""Longer than an idle sibling takes to notice that it may ask."""


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
    """One child's part in the pool's polling. Used by the main thread; asks on a lane.

    A child that finds the turn taken looks again soon, and ever less soon, because a sibling's
    answer may be there in a moment (`_LOOK_AGAIN_S`) or only after a timeout.
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
        self.look_at = 0.0
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

    @property
    def asking(self) -> bool:
        """Whether a question is on its way; its answer may be a lease."""
        return self._turn is not None

    def step(self, now: float, *, defer: bool) -> None:
        """Ask, if it is time and nobody else of this pool is asking.

        `defer`: siblings that have nothing to do go first, so this child asks a moment later.
        """
        if self.asking or now < self.look_at:
            return
        turn = self._gate.try_enter()
        if turn is None:
            self.look_at = now + self._look_again_s
            self._look_again_s = min(_LOOK_AGAIN_CAP_S, self._look_again_s * 1.5)
            return
        self._look_again_s = _LOOK_AGAIN_S
        ask_at = turn.state.next_at + (_DEFERENCE_S if defer else 0.0)
        if ask_at > now:
            turn.leave()
            self.look_at = ask_at + _SIBLINGS_SPREAD_S * self._jitter()
            return
        self._turn = turn
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
        turn, self._turn = self._turn, None
        if turn is not None:
            with turn:
                turn.put(
                    turn.state.after(
                        answer,
                        now,
                        self._asking.rules,
                        jitter=self._jitter(),
                        retry_after_s=retry_after_s,
                    )
                )
        self.look_at = now
        return polled.task

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
