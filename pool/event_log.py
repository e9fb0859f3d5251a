"""What happened to each lease, one JSON line an event, for whoever asks later.

Off unless the setting `event_log` is on. Times are monotonic seconds, which on one host all
processes share, so that the logs of all slots can be put in order.
"""

import json
import os
import time
from pathlib import Path
from typing import Literal, Protocol

EventName = Literal[
    "leased",
    "confirmed",
    "infer_started",
    "infer_ended",
    "kept",
    "stored",
    "completed",
    "failed",
    "lost",
    "abandoned",
    "released",
    "died",
]


class EventSink(Protocol):
    """Where events go."""

    def note(self, event: EventName, worker_id: str, item_id: str) -> None:
        """Write down an event. Never raises: a full disk costs the record, not the work."""


class NoEventLog:
    """The sink of a pool that keeps no event log."""

    def note(self, event: EventName, worker_id: str, item_id: str) -> None:
        """Forget the event."""


class EventLog:
    """An append-only file. One process writes it."""

    def __init__(self, path: Path, slot: str) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._slot = slot

    def note(self, event: EventName, worker_id: str, item_id: str) -> None:
        """Append the event, as one write, so that a kill leaves whole lines."""
        record = {
            "t": time.monotonic(),
            "pid": os.getpid(),
            "slot": self._slot,
            "worker_id": worker_id,
            "item_id": item_id,
            "event": event,
        }
        line = json.dumps(record).encode() + b"\n"
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.write(fd, line)
        except OSError:
            return
        finally:
            os.close(fd)


def event_sink(folder: Path, slot: str, *, wanted: bool) -> EventSink:
    """The sink of the process called `slot`, if events are wanted."""
    return EventLog(folder / f"{slot}.jsonl", slot) if wanted else NoEventLog()
