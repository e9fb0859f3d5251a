"""The table of items, with the deployed server's statements: each atomic, no two of them together.

`now` is monotonic, in seconds; the wall clock appears only where a lease's end goes on the wire.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock

from tests.fakes.bad_server.bugs import Bugs

MAX_RETRIES = 3


@dataclass(frozen=True)
class Item:
    """One row. `frame_num` and `prompt` may hold what no honest row would."""

    item_id: str
    group_id: str
    photo_id: str
    photo_path: str
    prompt: object
    frame_num: object = None
    provider: str | None = None
    worker_type: str = "wan"
    status: str = "pending"
    worker_id: str = ""
    lease_end_s: float | None = None
    retry_count: int = 0
    error_message: str = ""
    video_path: str = ""
    has_photo_row: bool = True


@dataclass(frozen=True)
class Taken:
    """A row just before and just after a lease was written to it."""

    before: Item
    after: Item


class Items:
    """The rows, oldest first. Thread-safe, statement by statement.

    `between` is called with the race's window, in seconds, after the select and before the update
    of `take`, with no lock held: there two pollers meet.
    """

    def __init__(self, between: Callable[[float], None]) -> None:
        self._rows: dict[str, Item] = {}
        self._lock = RLock()
        self._between = between

    def add(self, item: Item) -> None:
        """Append a row, as the youngest."""
        with self._lock:
            self._rows[item.item_id] = item

    def all(self) -> list[Item]:
        """Every row, oldest first."""
        with self._lock:
            return list(self._rows.values())

    def get(self, item_id: str) -> Item | None:
        """The row, or None."""
        with self._lock:
            return self._rows.get(item_id)

    def update(self, item_id: str, **changes: object) -> Item:
        """Update by id alone, whatever the row has become meanwhile. KeyError: no such row."""
        with self._lock:
            self._rows[item_id] = replace(self._rows[item_id], **changes)  # type: ignore[arg-type]  # columns by name
            return self._rows[item_id]

    def select(self, bugs: Bugs, worker_type: str, now: float) -> Item | None:
        """The oldest row that may be leased."""
        with self._lock:
            for item in self._rows.values():
                if _may_be_leased(item, bugs, worker_type, now):
                    return item
        return None

    def take(
        self,
        bugs: Bugs,
        worker_id: str,
        worker_type: str,
        clock: Callable[[], float],
        lease_s: float,
    ) -> Taken | None:
        """Lease the oldest candidate: two statements (bug 1), or one where that is off."""
        if not bugs.next_task_races:
            with self._lock:
                found = self.select(bugs, worker_type, clock())
                return self._write(found, worker_id, clock(), lease_s) if found else None
        found = self.select(bugs, worker_type, clock())
        if found is None:
            return None
        self._between(bugs.race_window_s)
        return self._write(found, worker_id, clock(), lease_s)

    def _write(self, found: Item, worker_id: str, now: float, lease_s: float) -> Taken:
        with self._lock:
            before = self._rows[found.item_id]
            after = self.update(
                found.item_id, status="processing", worker_id=worker_id, lease_end_s=now + lease_s
            )
        return Taken(before, after)

    def charge_expired(self, now: float) -> None:
        """What a server without bug 6 does first: an expired lease costs one retry."""
        with self._lock:
            for item in self._rows.values():
                if _expired(item, now):
                    retries = item.retry_count + 1
                    status = "failed" if retries >= MAX_RETRIES else "pending"
                    self.update(item.item_id, status=status, retry_count=retries, worker_id="")


def _expired(item: Item, now: float) -> bool:
    return item.status == "processing" and item.lease_end_s is not None and item.lease_end_s < now


def _may_be_leased(item: Item, bugs: Bugs, worker_type: str, now: float) -> bool:
    free = item.status == "pending" or _expired(item, now)
    tried_again = item.status == "failed" and not bugs.failed_is_final
    wrong_kind = bugs.filters_worker_type and item.worker_type != worker_type
    photo_is_checked_first = not bugs.leases_before_photo_row
    if wrong_kind or (photo_is_checked_first and not item.has_photo_row):
        return False
    return (free or tried_again) and item.retry_count < MAX_RETRIES
