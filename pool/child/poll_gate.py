"""One question at a time: the lock and the shared state that the children of a pool poll under.

The lock is an flock on a file in the state folder. The kernel frees it when its holder dies, and
wakes whoever waits for it at that moment, one after the other: nobody has to look from time to time
whether it is free. The state is written into the same file, so whoever holds the lock holds the
truth. Times in it are monotonic, which on one host and in one boot all processes share; the boot's
id tells a file that an earlier boot left behind.
"""

import fcntl
import json
import os
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from pool.boot import boot_id
from pool.lease.polling import PollState


class Turn:
    """The right to ask one question. Leaving it frees the lock; `put` says what follows."""

    def __init__(self, fd: int, state: PollState) -> None:
        self.state = state
        self._fd = fd

    def put(self, state: PollState) -> None:
        """Write down what the next asker must know."""
        self.state = state
        line = json.dumps({"boot": boot_id(), **asdict(state)}).encode()
        os.pwrite(self._fd, line, 0)
        os.ftruncate(self._fd, len(line))

    def leave(self) -> None:
        """Free the lock."""
        os.close(self._fd)

    def __enter__(self) -> "Turn":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()


class PollGate:
    """The pool's one place to poll from. `path` is the same for every child of the pool."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._boot = boot_id()

    def enter(self) -> Turn:
        """Wait in line for the turn; it may have to be waited for as long as a question takes.

        Only for a process that does nothing that can hang: the kernel gives the turn to whoever is
        next, and does not see whether a library keeps the interpreter to itself meanwhile.
        OSError: the file cannot be opened or locked.
        """
        return self._locked(fcntl.LOCK_EX)

    def try_enter(self) -> Turn | None:
        """The turn, if nobody has it or stands in line for it; never waits. OSError: as above."""
        try:
            return self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None

    def _locked(self, how: int) -> Turn:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
            return Turn(fd, self._parse(os.pread(fd, 4096, 0)))
        except OSError:
            os.close(fd)
            raise

    def _parse(self, content: bytes) -> PollState:
        """What the file says; a torn, foreign or earlier boot's file says nothing."""
        try:
            record = json.loads(content)
            if record.pop("boot") != self._boot:
                return PollState()
            return PollState(**record)
        except (ValueError, TypeError, KeyError, AttributeError):
            return PollState()
