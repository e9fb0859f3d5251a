"""Whether the work on a task moves, or has stalled.

The same judgement serves twice: the child withholds its renewals by it, and the supervisor kills
by it. Both see the same signs of life, so neither acts on what the other would call healthy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain
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
_KEPT_INFERENCES = 5


@dataclass(frozen=True)
class Limits:
    """The longest silence in each stage, in seconds.

    `first_step` holds for the start of a process's first inference, where kernels are compiled and
    warmed up; `infer` for every other step, until those before it have taught a tighter one.
    """

    stages: Mapping[str, float]

    def of(self, stage: Stage, *, first: bool, usual_s: float | None) -> float:
        """The limit that holds now; `usual_s` is how long a step is known to take."""
        if stage is not Stage.INFER:
            return self.stages[stage]
        if first:
            return self.stages["first_step"]
        if usual_s is None:
            return self.stages["infer"]
        return min(self.stages["infer"], max(_SLOW_STEPS * usual_s, self.stages["step_floor"]))

    def of_remote_work(self) -> "Limits":
        """The same where inferences happen elsewhere: how silent a service was teaches nothing."""
        return Limits({**self.stages, "step_floor": self.stages["infer"]})


@dataclass(frozen=True)
class Practice:
    """What a process has learned of its own inferences: how silent the latest ones were.

    `longest_s` has the longest silence within each, by the inference's number of units, since a
    longer video has longer steps. It is empty until a process has made its first step.
    """

    longest_s: Mapping[int, tuple[float, ...]] = field(default_factory=dict)

    def after(self, pace: "Pace") -> "Practice":
        """The same after an inference, which has come as far as `pace` says."""
        if pace.stage is not Stage.INFER or not pace.done:
            return self
        latest = (*self.longest_s.get(pace.total, ()), pace.longest_s)[-_KEPT_INFERENCES:]
        return replace(self, longest_s={**self.longest_s, pace.total: latest})

    def silence_s(self, total: int) -> float | None:
        """The longest silence in inferences of so many units; None where nothing is known of such.

        0: how many it has was not said yet, so that it may be like any.
        """
        known = self.longest_s.get(total, ()) if total else chain(*self.longest_s.values())
        return max(known, default=None)


@dataclass(frozen=True)
class Pace:
    """Signs of life of one task. All times are monotonic seconds.

    `done` and `total` count the stage's own units: steps, bytes, frames. `warm`: a step was made
    since the model was loaded, by this inference or by one before it. `longest_s` is the longest
    silence of this inference.
    """

    stage: Stage
    moved_at: float
    done: int = 0
    total: int = 0
    steps_s: tuple[float, ...] = ()
    practice: Practice = Practice()
    warm: bool = False
    longest_s: float = 0.0

    def entered(self, stage: Stage, now: float, practice: Practice | None = None) -> "Pace":
        """The same task, now in another stage; what was learned of steps is kept.

        `practice` is what the process has learned so far; None: what it had before.
        """
        learned = self.practice if practice is None else practice
        fresh = Pace(stage, now, steps_s=self.steps_s, practice=learned)
        return replace(fresh, warm=bool(learned.longest_s))

    def moved(self, now: float, done: int, total: int) -> "Pace":
        """The same task after a sign of life."""
        moved = replace(self, moved_at=now, done=done, total=total)
        if self.stage is not Stage.INFER:
            return moved
        steps = self.steps_s
        if done == self.done + 1 and self.done > 0:
            steps = (*steps, now - self.moved_at)[-_KEPT_STEPS:]
        return replace(
            moved,
            steps_s=steps,
            warm=done > 0 or (self.warm and not self._begins_anew(total)),
            longest_s=max(self.longest_s, now - self.moved_at),
        )

    def _begins_anew(self, total: int) -> bool:
        """Whether nothing done means that the model is loaded again.

        A backend that does so has nothing left of what it had, or knows of one unit only.
        """
        return self.done > 0 or total == 1

    @property
    def step_s(self) -> float | None:
        """The median step, once enough were seen to trust it."""
        return median(self.steps_s) if len(self.steps_s) >= _LEARN_FROM_STEPS else None

    def limit_s(self, limits: Limits) -> float:
        """How long a silence is allowed now."""
        usual_s = self.step_s if self.done else None
        if usual_s is None:
            usual_s = self.practice.silence_s(self.total)
        return limits.of(self.stage, first=not self.warm, usual_s=usual_s)

    def stalled(self, now: float, limits: Limits) -> bool:
        """Whether the silence has been longer than its stage allows."""
        return now - self.moved_at > self.limit_s(limits)

    def eta_s(self, now: float) -> float | None:
        """Seconds until the inference is done, from the median step; None where it is not known."""
        if self.stage is not Stage.INFER or self.step_s is None or not self.total:
            return None
        return max(0.0, (self.total - self.done) * self.step_s - (now - self.moved_at))
