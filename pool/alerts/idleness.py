"""For how long nothing was finished although there was work. Pure."""

from dataclasses import dataclass

from pool.status.observer import Look

_FINISHED = ("completed", "failed")


@dataclass(frozen=True)
class Idleness:
    """`since` (wall-clock seconds): from when on work could have been finished and was not.

    None before the first look. A queue that cannot be asked counts as one that is not empty.
    """

    since: float | None = None

    def after(self, look: Look, now: float) -> "Idleness":
        """The same after one look more at `now`."""
        if look.totals is None or look.totals.queue_empty_s is not None or self.since is None:
            return Idleness(now)
        finished = [record.at for record in look.records if record.ending in _FINISHED]
        return Idleness(max([self.since, *finished[-1:]]))

    def too_long_s(self, now: float, allowed_s: float) -> float | None:
        """For how long it has lasted, where that is longer than allowed."""
        lasted_s = 0.0 if self.since is None else now - self.since
        return lasted_s if lasted_s >= allowed_s else None
