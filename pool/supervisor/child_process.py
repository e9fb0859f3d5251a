"""The handle on one child process: start it, hear it, tell it, signal it, reap it.

Used by the supervisor's one thread, which must be the main thread: the kernel ties the child's
parent-death signal to the thread that starts it.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from loguru import logger

from pool.messages import Message, Start, ToSupervisor, to_supervisor
from pool.supervisor.output_file import opened

_CHILD = ("-P", "-m", "pool.child.main")
_READ_BYTES = 65536
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Launch:
    """What one child is started with. `output` takes what it and its libraries print."""

    start: Start
    environment: Mapping[str, str]
    output: Path
    kept_fds: tuple[int, ...] = ()


class ChildProcess:
    """One incarnation of a slot's child, in a session and process group of its own."""

    def __init__(self, launch: Launch) -> None:
        ours, theirs = socket.socketpair()
        with opened(launch.output) as output:
            self._process = subprocess.Popen(
                [sys.executable, *_CHILD, str(theirs.fileno()), str(os.getpid())],
                env=dict(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(), *launch.kept_fds),
                start_new_session=True,
            )
        theirs.close()
        ours.setblocking(False)
        self._pipe = ours
        self._rest = b""
        self._psutil = psutil.Process(self._process.pid)
        self.tell(launch.start)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def fileno(self) -> int:
        """For a selector: readable when the child has said something, or is gone."""
        return self._pipe.fileno()

    def tell(self, message: Message) -> None:
        """Send a message. A child that does not read has to be signalled instead."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):
            self._pipe.sendall(message.line())

    def hear(self) -> list[ToSupervisor]:
        """Every whole message that has come since the last call."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while chunk := self._pipe.recv(_READ_BYTES):
                self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest = b""
        return [message for line in lines if (message := _parsed(line)) is not None]

    def signal(self, *numbers: signal.Signals) -> None:
        """Send signals to the child's whole process group."""
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def dump_stacks(self) -> None:
        """Have the child write every thread's stack into its output file.

        The signal goes to the child alone: its own helpers would die of it.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR2)

    def returncode(self) -> int | None:
        """The return code, once the child has ended; kills what it left in its group and reaps it.

        The order matters: until it is reaped, the dead child keeps its group's number from being
        given to somebody else.
        """
        if self._process.returncode is None:
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            self.signal(signal.SIGKILL)
        return self._process.wait()

    def rss_bytes(self) -> int | None:
        """The resident memory of the child, None once it is gone."""
        try:
            return int(self._psutil.memory_info().rss)
        except (psutil.Error, OSError):  # gone, or no file descriptor left to look with
            return None

    def close(self) -> None:
        """Close the pipe, after the child's end."""
        self._pipe.close()


def _parsed(line: bytes) -> ToSupervisor | None:
    try:
        return to_supervisor.decode(line)
    except ValueError:
        logger.warning("a child sent a line that is no message ({} bytes)", len(line))
        return None
