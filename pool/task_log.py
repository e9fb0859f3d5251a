"""What became of every lease that this pool held: one JSON line each, across restarts.

For people and scripts that ask where the time went. Written by the supervisor's one thread. A full
disk costs the line, never the work.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from loguru import logger

from pool.messages import TaskEnded

LARGEST_BYTES = 10_000_000


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class TaskLog:
    """An append-only file. At `largest_bytes` it becomes `….1`, in the place of the one before.

    Fields: `at` (ISO 8601, UTC), `slot`, `worker_id`, `item_id`, `ending` (a word of
    `pool.lease.moves.Ending`, or `died`), `reason`, `stage_s` (seconds in each stage, empty where
    the child died), `storage_path`, `video_frames`, `video_size`.
    """

    def __init__(
        self,
        path: Path,
        largest_bytes: int = LARGEST_BYTES,
        clock: Callable[[], datetime] = _wall_clock,
    ) -> None:
        self._path = path
        self._largest_bytes = largest_bytes
        self._clock = clock

    def ended(self, slot: str, worker_id: str | None, ended: TaskEnded) -> None:
        """Write down how a lease ended, as its child told it."""
        told = msgspec.structs.asdict(ended)
        del told["suspect"], told["photo"]
        self._write(slot, worker_id, told)

    def died(self, slot: str, worker_id: str | None, item_id: str, how: str) -> None:
        """Write down that a child died with a lease in its hands."""
        self._write(
            slot,
            worker_id,
            {
                "item_id": item_id,
                "ending": "died",
                "reason": how,
                "stage_s": {},
                "storage_path": None,
                "video_frames": None,
                "video_size": None,
            },
        )

    def _write(self, slot: str, worker_id: str | None, what: dict[str, object]) -> None:
        at = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "slot": slot, "worker_id": worker_id, **what})
        try:
            self._rotate()
            with self._path.open("a") as file:
                file.write(f"{line}\n")
        except OSError as error:
            logger.warning("{} could not be written: {}", self._path, error.strerror)

    def _rotate(self) -> None:
        try:
            full = self._path.stat().st_size >= self._largest_bytes
        except FileNotFoundError:
            return
        if full:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
