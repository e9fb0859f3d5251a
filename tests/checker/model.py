"""What the checker reads and what it says. Times are monotonic seconds of one host."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.checker.playable import why_not_playable
from tests.fakes.bad_server.items import Item
from tests.fakes.bad_server.journal import Entry
from tests.fakes.bad_server.storage import StoredObject

CROWDED_S = 2.0
"""The slack of every run with real processes: a request's longest way on a crowded machine.

It holds the storm's worst as well: 0.6 s of latency, and one byte at a byte a second.
"""


@dataclass(frozen=True)
class Event:
    """One line of the pool's own log: what a child, or for `died` its supervisor, did.

    `event` is one of: leased, confirmed, infer_started, infer_ended, stored, completed, failed,
    lost, abandoned, released; and, where the pool writes them: died (the child in that item's
    work is dead), kept (a finished video stays on disk). Others are ignored.
    """

    t: float
    pid: int
    slot: str
    worker_id: str
    item_id: str
    event: str


@dataclass(frozen=True)
class Violation:
    """A rule that the run broke, in a sentence, with the lines that show it."""

    rule: str
    sentence: str
    evidence: tuple[Entry | Event, ...] = ()

    def __str__(self) -> str:
        return "\n    ".join([f"{self.rule}: {self.sentence}", *map(_short, self.evidence)])


class Store(Protocol):
    """What is left in the end; the fake server is one, and so is its remote."""

    def items(self) -> Sequence[Item]:
        """Every row."""

    def objects(self) -> Mapping[str, StoredObject]:
        """The stored videos by path."""


@dataclass(frozen=True)
class Expectations:
    """What the run was set up with, as far as a rule depends on it.

    `polling_interval_s` None: the spacing of idle polls is not checked. `may_fail` names the items
    whose own fault it is to fail; None: unknown. `finished`: the run was meant to end every item.
    `files_may_stay`: a process was killed that had no chance to remove its temporary files.
    `slack_s` is what a request may take on its way, on top of every limit.
    """

    polling_interval_s: float | None = None
    confirmations: int = 1
    confirmation_gap_s: float = 5.0
    may_fail: frozenset[str] | None = None
    finished: bool = True
    files_may_stay: bool = False
    slack_s: float = 0.25
    presign_to_put_s: float = 30.0
    why_not_playable: Callable[[bytes], str | None] = field(default=why_not_playable)


def read_events(folder: Path) -> list[Event]:
    """Every event in `<folder>/*.jsonl`, by time; none where there is no folder.

    A last line without its end, as a killed child leaves it, is passed over.
    """
    lines = (
        line
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]
    )
    return sorted(map(_event, lines), key=lambda event: event.t)


def _event(line: str) -> Event:
    fields = json.loads(line)
    return Event(
        t=fields["t"],
        pid=fields["pid"],
        slot=fields["slot"],
        worker_id=fields["worker_id"],
        item_id=fields.get("item_id") or "",
        event=fields["event"],
    )


def of_item(events: Iterable[Event], item_id: str, *kinds: str) -> list[Event]:
    """The events of one item that are of these kinds."""
    return [event for event in events if event.item_id == item_id and event.event in kinds]


def _short(line: Entry | Event) -> str:
    if isinstance(line, Event):
        return f"[{line.t:.3f}] {line.worker_id} {line.event} {line.item_id}"
    sent = f"[{line.received_s:.3f} to {line.answered_s:.3f}] #{line.seq} {line.endpoint}"
    answer = line.status if line.delivered else f"{line.status}, not delivered"
    return f"{sent} {line.worker_id} {line.item_id} -> {answer} {line.fault}".rstrip()
