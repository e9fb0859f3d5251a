"""Whether the work on a task moves, or has stalled.

The same judgement serves twice: the child withholds its renewals by it, and the supervisor kills
by it. Both see the same signs of life, so neither acts on what the other would call healthy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median


class Stage(StrEnum):
    """Where a task is on its way."""

    LEASE = "lease"
    CONFIRM = "confirm"
    DOWNLOAD = "download"
    PREPARE = "prepare"
    INFER = "infer"
    ENCODE = "encode"
    UPLOAD = "upload"
    REPORT = "report"


_SLOW_STEPS = 10
"""A step may take this many times the median step before it counts as a stall."""

_LEARN_FROM_STEPS = 3
_KEPT_STEPS = 50


@dataclass(frozen=True)
class Limits:
    """The longest silence in each stage, in seconds.

    `first_step` holds for the start of an inference, where kernels are compiled and warmed up;
    `infer` for every later step, until the median step has taught a tighter one.
    """

    stages: Mapping[str, float]

    def of(self, stage: Stage, *, first: bool, step_s: float | None) -> float:
        """The limit that holds now; `step_s` is the median step seen so far."""
        if stage is not Stage.INFER:
            return self.stages[stage]
        if first:
            return self.stages["first_step"]
        if step_s is None:
            return self.stages["infer"]
        return min(self.stages["infer"], max(_SLOW_STEPS * step_s, self.stages["step_floor"]))


@dataclass(frozen=True)
class Pace:
    """Signs of life of one task. All times are monotonic seconds.

    `done` and `total` count the stage's own units: steps, bytes, frames.
    """

    stage: Stage
    moved_at: float
    done: int = 0
    total: int = 0
    steps_s: tuple[float, ...] = ()

    def entered(self, stage: Stage, now: float) -> "Pace":
        """The same task, now in another stage; what was learned of steps is kept."""
        return replace(self, stage=stage, moved_at=now, done=0, total=0)

    def moved(self, now: float, done: int, total: int) -> "Pace":
        """The same task after a sign of life."""
        steps = self.steps_s
        if self.stage is Stage.INFER and done == self.done + 1 and self.done > 0:
            steps = (*steps, now - self.moved_at)[-_KEPT_STEPS:]
        return replace(self, moved_at=now, done=done, total=total, steps_s=steps)

    @property
    def step_s(self) -> float | None:
        """The median step, once enough were seen to trust it."""
        return median(self.steps_s) if len(self.steps_s) >= _LEARN_FROM_STEPS else None

    def limit_s(self, limits: Limits) -> float:
        """How long a silence is allowed now."""
        return limits.of(self.stage, first=self.done == 0, step_s=self.step_s)

    def stalled(self, now: float, limits: Limits) -> bool:
        """Whether the silence has been longer than its stage allows."""
        return now - self.moved_at > self.limit_s(limits)

    def eta_s(self, now: float) -> float | None:
        """Seconds until the inference is done, from the median step; None where it is not known."""
        if self.stage is not Stage.INFER or self.step_s is None or not self.total:
            return None
        return max(0.0, (self.total - self.done) * self.step_s - (now - self.moved_at))
