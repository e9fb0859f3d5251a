"""The log of a run. Times are the world's seconds."""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple


class Event(NamedTuple):
    """One line.

    `kind` is one of: sent, answered (by whom a request left, and what its sender learned; `text`
    is "ok" or the error's name, `value` the instant at which it had been sent), applied (what the
    server did; `value` is how much longer a heartbeat made the lease, or what was left of the
    lease that another one overwrote), leased (a task reached a child; `value`: when it had asked),
    began, step, made (an inference), ended (a child's last word on a lease; `what`: how), died,
    kept (its file), suspected (an item, of the death that follows), died, exited, broke (a child's
    end), frozen, slow (until `value`), trouble, added.
    """

    at: float
    kind: str
    worker: str
    item: str
    what: str
    text: str
    value: float

    def line(self) -> str:
        """The event for people."""
        return (
            f"{self.at:12.3f}  {self.kind:9} {self.worker:18} {self.item:11} "
            f"{self.what:17} {self.text} {self.value:.3f}"
        ).rstrip()


class History:
    """Appended to by everything, read when the run is over."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(
        self,
        at: float,
        kind: str,
        worker: str = "",
        item: str = "",
        what: str = "",
        text: str = "",
        value: float = 0.0,
    ) -> None:
        """One line more."""
        self.events.append(Event(at, kind, worker, item, what, text, value))

    def digest(self) -> str:
        """What two runs of one seed have in common."""
        hashed = sha256()
        for event in self.events:
            hashed.update(repr(tuple(event)).encode())
        return hashed.hexdigest()

    def of_item(self, item: str) -> Iterator[Event]:
        """Everything that concerns one item, its workers' deaths and freezes included."""
        workers = {event.worker for event in self.events if event.item == item and event.worker}
        for event in self.events:
            process_wide = event.kind in ("died", "frozen", "slow", "exited", "broke")
            if event.item == item or (process_wide and event.worker in workers):
                yield event
