"""When to lease the next task while the device still works on this one. Pure.

Too late, and the device waits for a photo; too early, and a lease is held that another worker could
use. So the child learns two things as it goes: how long an inference of a certain length takes, and
how long it takes from asking for a task until its photo is prepared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from pool.lease.pace import Pace

_KEPT = 5
_EXPERIENCED = 2
_FIRST_LEAD_S = 10.0
_LONGEST_LEAD_S = 60.0
"""One photo that was hard to get does not make every later lease a long one."""
_SLACK_S = 1.0
_SLACK_SHARE = 0.25
_COURTESY_S = 2.0
"""For so long children whose device is idle may go first."""


class Due(Enum):
    """Whether the next task is due."""

    LATER = auto()
    SOON = auto()
    """It may be asked for, and there is time to let others go first."""
    NOW = auto()
    """The device waits if it is not asked for now."""


@dataclass(frozen=True)
class Rhythm:
    """What was learned, of the latest tasks.

    `infer_s`: how long inferences took, by their number of steps. `ready_s`: how long it took from
    the question for a task until it was ready for the device.
    """

    infer_s: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    ready_s: tuple[float, ...] = ()

    def inferred(self, steps: int, took_s: float) -> "Rhythm":
        """The same after an inference of so many steps."""
        latest = (*self.infer_s.get(steps, ()), took_s)[-_KEPT:]
        return replace(self, infer_s={**self.infer_s, steps: latest})

    def readied(self, took_s: float) -> "Rhythm":
        """The same after a task was ready for the device, so long after it was asked for."""
        return replace(self, ready_s=(*self.ready_s, took_s)[-_KEPT:])

    @property
    def lead_s(self) -> float:
        """How long before the device is free the next task must be asked for."""
        if not self.ready_s:
            return _FIRST_LEAD_S
        return min(_LONGEST_LEAD_S, max(self.ready_s) * (1 + _SLACK_SHARE) + _SLACK_S)

    def remaining_s(self, pace: Pace, since_start_s: float, now: float) -> float | None:
        """Seconds until the inference ends; None while nothing is known of it.

        The soonest end is believed. The first inference may have compiled, and so says little of
        the second, whose own steps are heard; later ones also know what follows the last step.
        """
        known = self.infer_s.get(pace.total, ())
        ends_in_s = [max(0.0, min(known) - since_start_s)] if known else []
        eta_s = pace.eta_s(now)
        if eta_s is not None and len(known) < _EXPERIENCED:
            ends_in_s.append(eta_s)
        return min(ends_in_s, default=None)

    def due(self, pace: Pace, since_start_s: float, now: float) -> Due:
        """Whether to ask for the next task now."""
        remaining_s = self.remaining_s(pace, since_start_s, now)
        if remaining_s is None or remaining_s > self.lead_s + _COURTESY_S:
            return Due.LATER
        return Due.SOON if remaining_s > self.lead_s else Due.NOW
