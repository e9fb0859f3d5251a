"""How many Runway tasks this host watches at once: one locked file for each.

The kernel frees the lock with the process that held it, so no child can take a place to its grave.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InFlight:
    """The places under `folder`, which every child of the pool shares; `limit` None: no limit."""

    def __init__(self, folder: Path, limit: int | None) -> None:
        self._folder = folder
        self._limit = limit

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Hold a free place, if there is one, until the block ends; never waits."""
        if self._limit is None:
            yield True
            return
        held = self._take(self._limit)
        try:
            yield held is not None
        finally:
            if held is not None:
                os.close(held)

    def full(self) -> str | None:
        """Why no further task should be begun now; None while there is a place."""
        with self.place() as free:
            return None if free else f"{self._limit} of {self._limit} Runway tasks are in flight"

    def _take(self, limit: int) -> int | None:
        for number in range(limit):
            path = self._folder / f"in-flight-{number}.lock"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
            else:
                return fd
        return None
