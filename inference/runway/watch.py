"""Watching one Runway task to its end."""

from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from inference.backend import CancelToken, Progress
from inference.errors import TryLater
from inference.runway.answers import FINAL, Gone, NotSeen, Status, TaskView
from inference.runway.api import RunwayApi
from inference.runway.backoff import again_after_s
from inference.runway.clock import Clock, wait

UNITS = 1000
"""Progress is counted in thousandths."""

SILENCE_S = 120.0
"""A Runway that answers nothing for so long is left alone; the task is taken up again later."""

_JITTER_SHARE = 0.25

_QUEUED = (Status.PENDING, Status.THROTTLED)
_GONE_LOOKS = 3
"""Looks in a row that find no such task before it counts as gone: it may not be everywhere yet."""


_REFUSED_LOOKS = 3
"""Looks in a row that Runway calls wrong before the task is left alone: it may go on well."""


class OutOfTime(Exception):
    """The task took longer than a task may take. `queued`: all it was seen to do was wait."""

    def __init__(self, *, queued: bool) -> None:
        self.queued = queued


class KeyRefused(Exception):
    """Runway does not take the key any more; the task itself may go on well."""


@dataclass(frozen=True)
class Watching:
    """How a task is watched. `jitter` gives a number in [0, 1) at every call."""

    interval_s: float
    timeout_s: float
    clock: Clock
    jitter: Callable[[], float]


def ended(view: TaskView | Gone | NotSeen) -> bool:
    """Whether the task was seen in a state that it does not leave any more."""
    return isinstance(view, TaskView) and view.status in FINAL


class Watch:
    """One task under watch, on the device thread. Every answer counts as a sign of life."""

    def __init__(
        self,
        api: RunwayApi,
        rules: Watching,
        task_id: str,
        progress: Progress,
        cancel: CancelToken,
    ) -> None:
        self._api = api
        self._rules = rules
        self._task_id = task_id
        self._progress = progress
        self._cancel = cancel
        self._seen: Status | None = None
        self._done = 0
        self._unseen = 0
        self._refused = 0
        self._asked_s: float | None = None

    def to_the_end(self, *, fresh: bool) -> TaskView | Gone:
        """The task's last state; a `fresh` task is not looked at before an interval has passed.

        A last state that was seen counts, also when the work was cancelled meanwhile.

        Raises `OutOfTime`, `KeyRefused`, `Cancelled`, and `TryLater` when Runway stays silent or
        does not understand us.
        """
        clock = self._rules.clock
        answered_at = begun_at = clock.monotonic()
        gone = 0
        if fresh:
            self._rest()
        while True:
            view = self._api.look(self._task_id, lambda: self._cancel.cancelled)
            now = clock.monotonic()
            gone = gone + 1 if isinstance(view, Gone) else 0
            # Before the cancel: a finished task that is then cancelled would be deleted.
            if gone == _GONE_LOOKS or ended(view):
                return view  # type: ignore[return-value]  # it is one of the two
            self._cancel.check()
            if not isinstance(view, NotSeen) or view.answered:
                answered_at = now
            self._note(view, now - answered_at)
            if now - begun_at >= self._rules.timeout_s:
                raise OutOfTime(queued=isinstance(view, TaskView) and view.status in _QUEUED)
            self._rest()

    def _note(self, view: TaskView | Gone | NotSeen, silent_s: float) -> None:
        if isinstance(view, NotSeen):
            self._not_seen(view, silent_s)
            return
        self._unseen = self._refused = 0
        if isinstance(view, TaskView):
            self._moved(view)
        self._progress(self._done, UNITS)

    def _moved(self, view: TaskView) -> None:
        self._done = round(view.progress * UNITS) if view.status is Status.RUNNING else 0
        if view.status is not self._seen:
            logger.info("Runway task {}: {}", self._task_id, view.status)
            self._seen = view.status

    def _not_seen(self, view: NotSeen, silent_s: float) -> None:
        logger.warning("Runway task {} could not be looked at: {}", self._task_id, view.text)
        if view.refused_key:
            raise KeyRefused(view.text)
        if silent_s >= SILENCE_S:
            raise TryLater(f"Runway has not answered for {silent_s:.0f} s: {view.text}")
        self._refused = self._refused + 1 if view.refused else 0
        if self._refused == _REFUSED_LOOKS:
            raise TryLater(f"Runway does not show task {self._task_id}: {view.text}")
        self._unseen += 1
        self._asked_s = view.retry_after_s
        if view.answered:
            self._progress(self._done, UNITS)

    def _rest(self) -> None:
        """Wait until the next look, ever longer while looks show nothing."""
        rules = self._rules
        share = _JITTER_SHARE * rules.jitter()
        rest_s = rules.interval_s * (1 + share)
        if self._unseen:
            rest_s = max(
                rest_s, again_after_s(rules.interval_s, self._unseen, self._asked_s, share)
            )
        wait(rules.clock, rest_s, self._cancel, lambda: self._progress(self._done, UNITS))
