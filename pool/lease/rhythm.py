"""When to lease the next task while the device still works on this one. Pure.

Too late, and the device waits for a photo; too early, and a lease is held that another worker could
use. So the child learns two things as it goes: how long an inference of a certain length takes, and
how long it takes from asking for a task until its photo is prepared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median

from pool.lease.pace import Pace

_KEPT = 5
_FIRST_LEAD_S = 10.0
_SLACK_S = 1.0
_SLACK_SHARE = 0.25


@dataclass(frozen=True)
class Rhythm:
    """What was learned. `infer_s` holds the latest inferences by their number of steps."""

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
        """How long before the device is free the next task should be asked for."""
        if not self.ready_s:
            return _FIRST_LEAD_S
        return max(self.ready_s) * (1 + _SLACK_SHARE) + _SLACK_S

    def remaining_s(self, pace: Pace, since_start_s: float, now: float) -> float | None:
        """Seconds until the inference ends; None while nothing is known of it."""
        known = self.infer_s.get(pace.total)
        if known:
            return max(0.0, median(known) - since_start_s)
        return pace.eta_s(now)

    def next_is_due(self, pace: Pace, since_start_s: float, now: float) -> bool:
        """Whether to ask for the next task now."""
        remaining_s = self.remaining_s(pace, since_start_s, now)
        return remaining_s is not None and remaining_s <= self.lead_s
