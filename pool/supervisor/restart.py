"""When a dead child is restarted, and when its slot is given up. Pure.

The wait doubles with every death, so that a slot that cannot work costs little, and is short again
once a child has proved itself. A slot that keeps dying is quarantined alone.
"""

import errno
from dataclasses import dataclass, replace

from client.backoff import backoff_s

_CAP_S = 60.0
_TRIAL_AFTER_S = 1800.0
_TRIAL_CAP_S = 4 * 3600.0
_HEALTHY_S = 300.0
SHORTAGES = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT}
)
"""What the host says when it has no room for another process at the moment."""
_JITTER_SHARE = 0.25
"""It only shortens: a slot that is said to start again in a second is not idle for longer."""


@dataclass(frozen=True)
class RestartRules:
    """The breakers: `deaths` within `within_s`, or `failed_starts` in a row."""

    deaths: int = 5
    within_s: float = 600.0
    failed_starts: int = 3


@dataclass(frozen=True)
class Deaths:
    """How a slot's children have died so far. Times are monotonic seconds.

    `trials` counts the quarantines in a row: after each one a single child is tried, and its death
    is the next quarantine.
    """

    at: tuple[float, ...] = ()
    failed_starts: int = 0
    level: int = 0
    trials: int = 0

    def died(self, now: float, *, loaded_at: float | None, rules: RestartRules) -> "Deaths":
        """One death more; `loaded_at` is when that child became ready, None if it never did."""
        proved = loaded_at is not None and now - loaded_at >= _HEALTHY_S
        return replace(
            self,
            at=(*(at for at in self.at if now - at < rules.within_s), now),
            failed_starts=self.failed_starts + 1 if loaded_at is None else 0,
            level=1 if proved else self.level + 1,
            trials=0 if proved else self.trials,
        )

    def held_up(self) -> "Deaths":
        """The same after a start that the host had no room for: only the wait grows."""
        return replace(self, level=self.level + 1)

    def proved(self) -> "Deaths":
        """The same after a completed task: the next wait is short again, and a trial is passed."""
        return replace(self, level=0, failed_starts=0, trials=0)

    def quarantined(self) -> "Deaths":
        """The same once the slot is given up: what comes next is a trial."""
        return Deaths(trials=self.trials + 1)

    def trial_wait_s(self) -> float:
        """Seconds from a quarantine to its trial: half an hour, then twice that, … four hours."""
        return backoff_s(self.trials, base_s=_TRIAL_AFTER_S, cap_s=_TRIAL_CAP_S, jitter=0.0)

    def too_many(self, rules: RestartRules) -> str | None:
        """Why the slot is given up, if it is."""
        if self.trials and self.at:
            return "died on its trial"
        if self.failed_starts >= rules.failed_starts:
            return f"failed to start {self.failed_starts} times in a row"
        if len(self.at) >= rules.deaths:
            return f"died {len(self.at)} times in {rules.within_s / 60:.0f} minutes"
        return None

    def wait_s(self, jitter: float) -> float:
        """Seconds until the next child; `jitter` in [0, 1) takes up to a quarter off."""
        return backoff_s(self.level, cap_s=_CAP_S, jitter=0.0) * (1 - _JITTER_SHARE * jitter)
