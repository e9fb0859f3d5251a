"""One child at a time: what takes much memory for a moment is not done by sixteen at once.

A phone's photo takes 140 MB while it is turned upright. The kernel frees the turn with the process
that had it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.runway.clock import Clock

_LOOK_AGAIN_S = 0.05


class Turn:
    """The turn that the children who share `path` take. Any thread; one thread of a child at once.

    Who has waited for `patience_s` goes on without it, as does who cannot open the file: memory is
    spared where that is possible, and no task waits for a sibling that hangs.
    """

    def __init__(self, path: Path, clock: Clock, patience_s: float = 60.0) -> None:
        self._path = path
        self._clock = clock
        self._patience_s = patience_s

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and have it until the block ends."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield
            return
        try:
            self._wait(fd)
            yield
        finally:
            os.close(fd)

    def _wait(self, fd: int) -> None:
        until = self._clock.monotonic() + self._patience_s
        while self._clock.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            self._clock.sleep(_LOOK_AGAIN_S)
