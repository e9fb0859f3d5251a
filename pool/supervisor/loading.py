"""How many children may load at once: as many as the host's memory and cores allow. Pure.

A load takes host memory that is free again once the weights are on the device, so children are held
back only where the memory calls for it. How much a load takes is measured: the first one shows it.
Until then the guess for this kind of backend counts, and one child loads in any case.

Loads that only compute are not held side by side beyond the number of cores: they would all be over
no sooner, and the first of them, which begins to ask for tasks, much later.

A load that takes very long, as one does that hangs in a sick driver, holds the others back no more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

GUESS_ON_GPUS_BYTES = 80_000_000_000
"""More than the weights of any model that we have settings for."""
GUESS_BYTES = 1_000_000_000
LATE_S = 600.0
"""A load that has taken this long may never end: nobody waits for it."""
_SPARE_SHARE = 0.1
"""Of what a load takes, kept free: a load is looked at from time to time only."""


@dataclass(frozen=True)
class Loads:
    """What is known of loads. Memory is a process's own: weights mapped from a file are not in it.

    `guess_bytes` counts while no load was measured. `held` is what the children that load hold
    now, the late ones aside; `peaks` is the most that was seen of each. Both are by pid. `let_go`
    counts those that were allowed to start since the last look. `at_once`: no more than these,
    whatever the memory; None: no such limit.
    """

    guess_bytes: int
    need_bytes: int | None = None
    held: Mapping[int, int] = field(default_factory=dict)
    peaks: Mapping[int, int] = field(default_factory=dict)
    let_go: int = 0
    at_once: int | None = None

    def seen(
        self, loading: Mapping[int, int], alive: Collection[int], late: Collection[int] = ()
    ) -> "Loads":
        """The same after a look at the children that load, by pid; `alive` are all children.

        `late` are those that have been loading for `LATE_S` or more.

        A child that died on the way shows only that a load takes more than was thought.
        """
        need = self.need_bytes
        for pid, peak in self.peaks.items():
            if pid not in loading and (pid in alive or need is not None):
                need = max(need or 0, peak)
        peaks = {pid: max(own, self.peaks.get(pid, 0)) for pid, own in loading.items()}
        held = {pid: own for pid, own in loading.items() if pid not in late}
        return replace(self, need_bytes=need, held=held, peaks=peaks, let_go=0)

    def one_more(self) -> "Loads":
        """The same after one more child was allowed to start."""
        return replace(self, let_go=self.let_go + 1)

    def why_wait(self, available_bytes: int) -> str | None:
        """Why no further child may load now, in words; None: it may."""
        if not self.held and not self.let_go:
            return None
        if self.at_once is not None and len(self.held) + self.let_go >= self.at_once:
            return "waits for a core: others are starting"
        need = self.guess_bytes if self.need_bytes is None else self.need_bytes
        to_come = self.let_go * need + sum(max(0, need - held) for held in self.held.values())
        if available_bytes - to_come >= need * (1 + _SPARE_SHARE):
            return None
        if self.need_bytes is None:
            return "waits until the first child has loaded: it shows how much memory a load takes"
        free = max(0, available_bytes - to_come)
        return (
            f"waits for host memory: a load takes {need / 1e9:.1f} GB, and the others that load "
            f"leave {free / 1e9:.1f}"
        )
