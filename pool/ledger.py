"""Which items were in work when children of this host died, on disk and across restarts.

An input that kills its worker is handed out again for ever: the server raises an item's retry count
only when a failure is reported, and the oldest item is always first. So the supervisor writes down
what a dead child had in work, and a child that leases such an item for the third time reports it.
"""

import json
import os
from pathlib import Path

from loguru import logger


class Ledger:
    """An append-only file of JSON lines. Written by the supervisor, read by children.

    A line that a power cut tore is skipped. A disk that cannot be written costs the memory of a
    death, never the pool.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def died(self, item_id: str, how: str) -> None:
        """Write down that a child died while `item_id` was in work."""
        self._append({"item": item_id, "died": how})

    def done(self, item_id: str) -> None:
        """Write down that the item came to its end after all, if anything is held against it."""
        if self.deaths(item_id):
            self._append({"item": item_id, "done": True})

    def deaths(self, item_id: str) -> list[str]:
        """How children died over this item since it was last done, oldest first."""
        deaths: list[str] = []
        for record in self._records():
            if record.get("item") != item_id:
                continue
            if "done" in record:
                deaths.clear()
            else:
                deaths.append(str(record.get("died")))
        return deaths

    def _append(self, record: dict[str, object]) -> None:
        # The leading newline closes a line that a power cut left open.
        line = b"\n" + json.dumps(record).encode() + b"\n"
        try:
            self._write(line)
        except OSError as error:
            logger.warning("the ledger could not be written: {}", error.strerror)

    def _write(self, line: bytes) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line)
            os.fsync(fd)
        finally:
            os.close(fd)

    def _records(self) -> list[dict[str, object]]:
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return []
        records = []
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                records.append(record)
        return records
