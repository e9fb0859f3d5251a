"""The append-only record of every request: one JSON object a line, one clock for all of them.

Times are `time.monotonic()`, which on Linux is one clock for every process of a host, so that the
lines of this log and those of the pool's own events can be laid side by side.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Condition
from typing import IO

SETTLE_S = 1.0


@dataclass(frozen=True)
class Effect:
    """What a request changed. `at_s` is the instant at which it did.

    `kind` is one of: leased, renewed, completed, failed, signed, stored, served; from the admin
    side also: added, deleted, taken.
    """

    kind: str
    at_s: float
    item_id: str = ""
    worker_id: str = ""
    previous_worker: str = ""
    previous_status: str = ""
    lease_end_s: float | None = None
    previous_lease_end_s: float | None = None
    path: str = ""
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Entry:
    """One request from its first byte to its answer, or to its client's going away.

    `delivered` is False when the answer was withheld, cut, or its client had gone. `signed_by` is
    the `seq` of the presign that a storage request's URL came from. `leaks` names each place in
    which a secret was seen that does not belong there; the secret itself is not written.
    """

    seq: int
    connection: int
    endpoint: str
    received_s: float
    answered_s: float
    status: int | None
    delivered: bool
    worker_id: str = ""
    item_id: str = ""
    request: Mapping[str, object] | None = None
    fault: str = ""
    effect: Effect | None = None
    signed_by: int | None = None
    leaks: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line, without its end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Entry":
        """The opposite of `to_json`."""
        fields = json.loads(line)
        effect = fields.pop("effect")
        fields["leaks"] = tuple(fields["leaks"])
        return cls(**fields, effect=None if effect is None else Effect(**effect))


@dataclass
class Draft:
    """What is known so far about the request in work; becomes an `Entry` when it is over.

    `left_s` is when its answer left: from then on its client may have it, and ask again.
    """

    seq: int
    connection: int
    received_s: float
    endpoint: str = "unknown"
    worker_id: str = ""
    item_id: str = ""
    request: dict[str, object] | None = None
    fault: str = ""
    status: int | None = None
    delivered: bool = False
    effect: Effect | None = None
    signed_by: int | None = None
    leaks: tuple[str, ...] = ()
    left_s: float | None = None

    def entry(self, now: float) -> Entry:
        """The finished line."""
        known = vars(self).copy()
        left_s = known.pop("left_s")
        return Entry(**known, answered_s=now if left_s is None else left_s)


def read_log(path: Path) -> list[Entry]:
    """Every entry of a log file, in the order of arrival.

    A last line without its end, as a killed server leaves it, is passed over.
    """
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return sorted((Entry.from_json(line) for line in lines), key=lambda entry: entry.seq)


class Journal:
    """Numbers requests as they arrive and keeps them as they end. Thread-safe.

    With a `path` every entry is also on disk, whole, by the time that `add` returns.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._entries: list[Entry] = []
        self._next_seq = 0
        self._leaving: set[int] = set()
        self._changed = Condition()
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None

    def number(self) -> int:
        """The next request's `seq`."""
        with self._changed:
            self._next_seq += 1
            return self._next_seq

    def announce(self, seq: int) -> None:
        """The answer of request `seq` is about to leave; its entry will follow at once."""
        with self._changed:
            self._leaving.add(seq)

    def add(self, entry: Entry) -> None:
        """Keep an entry and wake whoever waits for one."""
        with self._changed:
            self._leaving.discard(entry.seq)
            self._entries.append(entry)
            if self._file is not None:
                self._file.write(entry.to_json() + "\n")
                self._file.flush()
            self._changed.notify_all()

    def entries(self) -> list[Entry]:
        """All entries so far, in the order of arrival.

        A client may hold its answer before the entry is made; that moment is waited out, so that
        whoever made a call and then looks finds its entry here.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._leaving, SETTLE_S)
            return sorted(self._entries, key=lambda entry: entry.seq)

    def wait_for(self, condition: Callable[[list[Entry]], bool], timeout_s: float) -> bool:
        """Wait until the entries meet a condition; False when they did not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self._entries), timeout_s)

    def close(self) -> None:
        """Close the file; later entries are kept in memory only."""
        with self._changed:
            if self._file is not None:
                self._file.close()
                self._file = None
