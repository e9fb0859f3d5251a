"""A state folder as a living pool keeps it, without the pool: what others read can be staged."""

import fcntl
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from pool.boot import boot_id
from pool.state_dir import StateDir
from pool.status.schema import Status
from pool.status.status_file import write_status


class LivingPool:
    """Holds the pool's lock until it is left. Use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.state_dir = StateDir(folder)

    def __enter__(self) -> "LivingPool":
        self._lock = os.open(self.state_dir.lock, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._lock)

    def show(self, status: Status) -> None:
        """Write the status, as the supervisor does once a second."""
        write_status(self.state_dir, status)

    def end_lease(
        self, ago_s: float, slot: str, ending: str = "completed", **stage_s: float
    ) -> None:
        """Write down a lease that ended so long ago."""
        at = datetime.fromtimestamp(time.time() - ago_s, UTC)
        record = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "slot": slot,
            "worker_id": f"rig-{slot}",
            "item_id": f"item-{ago_s}",
            "ending": ending,
            "reason": "",
            "stage_s": stage_s,
        }
        with self.state_dir.tasks.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def polled(
        self, *, empty_for_s: float | None = None, refused_for_s: float | None = None
    ) -> None:
        """Write what the children know of the queue."""
        now = time.monotonic()
        state = {
            "next_at": now,
            "found_at": None,
            "empty_since": None if empty_for_s is None else now - empty_for_s,
            "failures": 0 if refused_for_s is None else 1,
            "refused_since": None if refused_for_s is None else now - refused_for_s,
        }
        self.state_dir.poll_gate.write_text(json.dumps({"boot": boot_id(), **state}))

    def sampled(self, hours: float, slots: int) -> None:
        """Write a history as the status page keeps it, two samples a minute."""
        now = time.time()
        with self.state_dir.history.open("w") as file:
            for half in range(int(hours * 120), 0, -1):
                file.write(json.dumps(_sample(now - half * 30, half // 2, slots)) + "\n")


def _sample(at: float, minute: int, slots: int) -> dict[str, object]:
    return {
        "at": round(at, 1),
        "slots": {
            f"gpu{n}": {
                "state": "busy",
                "load_percent": 0 if (minute + 7 * n) % 40 == 0 else 94 + (minute + n) % 6,
                "memory_bytes": (38 + n + (minute + n) % 3) * 2**30,
                "temperature_c": 58 + 2 * n + (minute // 20) % 4,
                "power_w": 600.0,
            }
            for n in range(slots)
        },
    }
