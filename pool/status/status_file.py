"""The status file: written whole or not at all, and judged by its age and its writer's lock."""

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pool.state_dir import StateDir
from pool.status.schema import SlotStatus, Status
from pool.supervisor.states import GIVEN_UP, SlotState

STALE_AFTER_S = 10.0


class NoPool(Exception):
    """There is no status to read; the message says where it was looked for."""


@dataclass(frozen=True)
class Found:
    """A status and how old it is, in seconds of wall-clock time."""

    status: Status
    age_s: float

    @property
    def stale(self) -> bool:
        """Whether the supervisor has stopped writing although it should."""
        return self.status.pool.state in ("running", "draining") and self.age_s > STALE_AFTER_S


def write_status(state_dir: StateDir, status: Status) -> None:
    """Replace the status file. A full disk costs the status, never the work: OSError passes."""
    temporary = state_dir.status.with_suffix(".tmp")
    try:
        temporary.write_text(status.model_dump_json(by_alias=True, indent=1))
        temporary.replace(state_dir.status)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def read_status(state_dir: StateDir) -> Found:
    """The status as it is now; a pool that says it runs and does not is `dead`, its slots stopped.

    Raises `NoPool` where there was never one, or its file cannot be read.
    """
    path = state_dir.status
    try:
        age_s = max(0.0, time.time() - path.stat().st_mtime)
        status = Status.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise NoPool(f"no pool has run in {state_dir.path}; name its folder: --state-dir") from None
    except (OSError, ValidationError) as error:
        raise NoPool(f"{path} cannot be read ({type(error).__name__})") from None
    if status.pool.state in ("running", "draining") and not is_locked(state_dir.lock):
        status = _dead(status)
    return Found(status, age_s)


def _dead(status: Status) -> Status:
    """What is left of a status whose supervisor is gone: its children went with it."""
    return status.model_copy(
        update={
            "pool": status.pool.model_copy(update={"state": "dead"}),
            "slots": tuple(map(_without_child, status.slots)),
        }
    )


def _without_child(slot: SlotStatus) -> SlotStatus:
    """The slot as it stands now. One that was given up before stays so, with its own reason."""
    left = {"pid": None, "current": None, "gpu": None, "rss_bytes": None}
    if slot.state in GIVEN_UP or slot.state == SlotState.STOPPED:
        return slot.model_copy(update=left)
    had = f" with {slot.current.item_id}" if slot.current is not None else ""
    reason = f"its supervisor died while it was {slot.state}{had}"
    return slot.model_copy(update={**left, "state": SlotState.STOPPED.value, "reason": reason})


def is_locked(path: Path) -> bool:
    """Whether a live process holds the lock at `path`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)
