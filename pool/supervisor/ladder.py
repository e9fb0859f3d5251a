"""The watch over one child's signs of life, and the ladder that it is sent up when they end.

Made anew for every child; used by the supervisor's one thread.
"""

import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from pool.messages import Current
from pool.supervisor.stall import Rung, Silence, rung, worst

if TYPE_CHECKING:
    from loguru import Logger

_SILENCE_S = 60.0
"""A loop that has not beaten for this long hangs, whatever it does."""
_LOAD_S = 1800.0
"""A load is judged by the clock alone: it runs beside the loop, which beats although it hangs."""
_GONE_WITHIN_S = 10.0
"""A process that takes longer to die of SIGKILL is held by the driver, perhaps for ever."""


class Hanging(Protocol):
    """What the ladder does to a child."""

    def signal(self, *numbers: signal.Signals) -> None:
        """Send the signals, one after the other."""

    def dump_stacks(self) -> None:
        """Have every thread's stack written into the child's output file."""


class Ladder:
    """One child's ladder. Times are monotonic seconds.

    `heard_at` is when the child last spoke, `loaded_at` when it was loaded; `hung` says where it
    makes no progress, in words, and is empty while it does; `killed_at` is when it was killed.
    """

    def __init__(self, born_at: float, log: "Logger") -> None:
        self.born_at = self.heard_at = born_at
        self.loaded_at: float | None = None
        self.hung = ""
        self.killed_at: float | None = None
        self._judge_from = born_at
        self._rung = Rung.NONE
        self._log = log

    def grant_grace(self, now: float) -> None:
        """Judge every silence, and how long the child takes to die, from now on."""
        self._judge_from = now
        if self.killed_at is not None:
            self.killed_at = now

    def loads_for_s(self, now: float) -> float:
        """How long the child has been loading, pauses of the supervisor's own aside."""
        return now - self._judge_from

    def climb(self, child: Hanging, tasks: Sequence[Current], now: float) -> None:
        """Climb as far as the silence calls for, no more than one rung at a time."""
        overdue_s, where = worst(list(self._silences(tasks)), self._judge_from, now)
        target = rung(overdue_s)
        if target is Rung.NONE:
            self._rung, self.hung = Rung.NONE, ""
        elif target > self._rung:
            self._rung = Rung(self._rung + 1)
            self.hung = f"it hung: no progress in {where}"
            self._act(child, now)

    def kill(self, child: Hanging, now: float) -> None:
        """Kill the child, once."""
        if self.killed_at is None:
            self.killed_at = now
            child.signal(signal.SIGKILL)

    @property
    def gone_by(self) -> float | None:
        """When the child must have died of its kill; None: it was not killed."""
        return None if self.killed_at is None else self.killed_at + _GONE_WITHIN_S

    def _silences(self, tasks: Sequence[Current]) -> Iterator[Silence]:
        if self.loaded_at is None:
            yield Silence("the load", self.born_at, _LOAD_S)
            return
        yield Silence("the loop", self.heard_at, _SILENCE_S)
        for task in tasks:
            yield Silence(task.stage, task.moved_at, task.limit_s)

    def _act(self, child: Hanging, now: float) -> None:
        match self._rung:
            case Rung.DUMP:
                self._log.error("{}; dumping its stacks", self.hung)
                child.dump_stacks()
            case Rung.TERMINATE:
                child.signal(signal.SIGCONT, signal.SIGTERM)
            case Rung.KILL:
                self._log.error("{}; killed", self.hung)
                self.kill(child, now)
            case Rung.NONE:
                pass
