"""What became of the newest leases, read back from the file that the supervisor writes."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_TAIL_BYTES = 2_000_000
"""Some five thousand leases: more than a pool ends in an hour."""


@dataclass(frozen=True)
class TaskRecord:
    """One lease that is over. `at` is wall-clock seconds since 1970, `stage_s` seconds by stage."""

    at: float
    slot: str
    item_id: str
    ending: str
    reason: str
    stage_s: Mapping[str, float]


class TaskRecords:
    """The newest records, oldest first; the file is read again only when it has changed.

    `path` is the file that `pool.task_log.TaskLog` writes; its predecessor is read as well while
    the file itself is short.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._records: tuple[TaskRecord, ...] = ()

    def read(self) -> tuple[TaskRecord, ...]:
        """The records as they are now; none where there is no file, or it cannot be read."""
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen != self._seen:
            self._seen = seen
            self._records = tuple(_parsed(self._tail(stat.st_size)))
        return self._records

    def _tail(self, size: int) -> list[bytes]:
        older = self._path.with_name(f"{self._path.name}.1")
        parts = [older] if size < _TAIL_BYTES else []
        return [line for path in (*parts, self._path) for line in _last_lines(path)]


def _last_lines(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES)
            file.seek(start)
            lines = file.read().splitlines()
    except OSError:
        return []
    return lines[1:] if start else lines


def _parsed(lines: list[bytes]) -> Iterator[TaskRecord]:
    """The lines as records; one that was torn by a power cut is skipped."""
    for line in lines:
        try:
            record = json.loads(line)
            yield TaskRecord(
                at=datetime.fromisoformat(record["at"]).timestamp(),
                slot=str(record["slot"]),
                item_id=str(record["item_id"]),
                ending=str(record["ending"]),
                reason=str(record["reason"]),
                stage_s={str(stage): float(s) for stage, s in record["stage_s"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
