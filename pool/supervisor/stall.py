"""What is done to a child that no longer moves, and when. Pure.

The child has stopped renewing its lease by itself by then. Here it is made to say where it hangs,
asked to end, and killed: each step a moment after the one before, so that the stack dump is on disk
before the process is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_TERMINATE_AFTER_S = 2.0
_KILL_AFTER_S = 7.0


class Rung(IntEnum):
    """How far the ladder has been climbed."""

    NONE = 0
    DUMP = 1
    """Every thread's stack into the child's output file."""
    TERMINATE = 2
    """SIGCONT, in case it was stopped, and SIGTERM."""
    KILL = 3
    """SIGKILL to its whole process group."""


@dataclass(frozen=True)
class Silence:
    """Where there has been no sign of life since `since`, and how many seconds that may last."""

    where: str
    since: float
    allowed_s: float


def worst(silences: Sequence[Silence], judge_from: float, now: float) -> tuple[float, str]:
    """How long the worst silence is beyond what is allowed (negative: within it), and where.

    Nothing before `judge_from` counts. A task in work is judged by its own signs of life besides
    the loop's: a hung inference leaves the loop alive.
    """
    return max(
        (now - max(each.since, judge_from) - each.allowed_s, each.where) for each in silences
    )


def rung(stalled_for_s: float) -> Rung:
    """How far to have climbed, `stalled_for_s` after the limit passed (negative: before)."""
    if stalled_for_s < 0:
        return Rung.NONE
    if stalled_for_s < _TERMINATE_AFTER_S:
        return Rung.DUMP
    if stalled_for_s < _KILL_AFTER_S:
        return Rung.TERMINATE
    return Rung.KILL
