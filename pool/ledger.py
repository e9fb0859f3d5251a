"""What this host holds against items, on disk and across restarts.

An input that kills its worker is handed out again for ever: the server raises an item's retry count
only when a failure is reported, and the oldest item is always first. So the supervisor writes down
what a dead child had in work, and a child that leases such an item for the third time reports it.

The same goes for a photo that the server has lost but does not say so: it answers 500 to whoever
asks for its URL. What tells it from a server in trouble is that other photos can be had meanwhile,
so those are written down too, while it matters.
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
        if any(record.get("item") == item_id for record in self._records()):
            self._append({"item": item_id, "done": True})

    def unsigned(self, item_id: str) -> None:
        """Write down that a lease ended because no URL for the item's photo could be had."""
        self._append({"item": item_id, "unsigned": True})

    def fetched(self, item_id: str) -> None:
        """Write down that the item's photo could be had, if it or another could not before."""
        last = next((r for r in reversed(self._records()) if {"unsigned", "fetched"} & {*r}), {})
        if "unsigned" in last or self.unsigned_rounds(item_id):
            self._append({"item": item_id, "fetched": True})

    def deaths(self, item_id: str) -> list[str]:
        """How children died over this item since it was last done, oldest first."""
        deaths: list[str] = []
        for record in self._records():
            if record.get("item") != item_id:
                continue
            if "done" in record:
                deaths.clear()
            elif "died" in record:
                deaths.append(str(record["died"]))
        return deaths

    def unsigned_rounds(self, item_id: str) -> int:
        """Under how many leases in a row the item's photo could not be had, and others could.

        Leases between which no other photo was had are one: then the server was in trouble.
        """
        rounds, open_round = 0, False
        for record in self._records():
            own = record.get("item") == item_id
            if own and ("done" in record or "fetched" in record):
                rounds, open_round = 0, False
            elif own and "unsigned" in record:
                open_round = True
            elif "fetched" in record:
                rounds, open_round = rounds + open_round, False
        return rounds

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
