"""Which children ended, and why: seen in the status from one look to the next. Pure."""

from collections import deque
from dataclasses import dataclass

from pool.status.schema import Status

_KEPT = 200


@dataclass(frozen=True)
class Restart:
    """The end of one child. `at` is ISO 8601 in UTC, as the status has it."""

    at: str
    slot: str
    reason: str


class RestartLog:
    """The newest ends, oldest first. Used by one thread."""

    def __init__(self) -> None:
        self._restarts: deque[Restart] = deque(maxlen=_KEPT)

    def note(self, status: Status) -> None:
        """Take in what is new in `status`."""
        for slot in status.slots:
            last = slot.last_exit
            if last is None:
                continue
            restart = Restart(last.at, slot.slot, last.reason)
            if restart not in self._restarts:
                self._restarts.append(restart)

    @property
    def newest_first(self) -> tuple[Restart, ...]:
        """What is kept, for a person."""
        return tuple(sorted(self._restarts, key=lambda restart: restart.at, reverse=True))
