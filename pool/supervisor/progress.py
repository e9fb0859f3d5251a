"""Progress of long things as log lines: one for each slot, every so often. Pure."""

from pool.messages import Current
from pool.status.span import span

EVERY_S = 30.0


class ProgressLines:
    """What was said of each slot last, and when. Times are monotonic seconds."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._said: dict[str, tuple[tuple[str, str], float]] = {}

    def line(self, slot: str, current: Current, now: float) -> str | None:
        """What to say of the slot's task now: something once a stage has lasted `every_s`."""
        subject = (current.item_id, current.stage)
        before, said_at = self._said.get(slot, (None, 0.0))
        if before != subject:
            self._said[slot] = (subject, now)
            return None
        if now - said_at < self._every_s or not current.steps:
            return None
        self._said[slot] = (subject, now)
        left = "" if current.eta_s is None else f", {span(current.eta_s)} left"
        steps = f"{current.step} of {current.steps}"
        return f"{current.stage} {current.progress:.0%} ({steps}){left}"
