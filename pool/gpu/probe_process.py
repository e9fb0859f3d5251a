"""The supervisor's hold on a running probe: its pipe and its process group. Never blocks."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pool.settings.environment import without_secrets

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_CHUNK_BYTES = 65_536
_GONE_WITHIN_S = 1.0


class ProbeProcess:
    """A probe, started, in a process group of its own, so that Ctrl-C does not reach it.

    No key is in its environment, whatever `environ` holds. Start it from the thread that lives as
    long as the pool: the kernel ends the probe with the thread that started it.
    """

    def __init__(self, environ: Mapping[str, str], *arguments: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "pool.gpu.probe", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            env=without_secrets(environ),
            process_group=0,
        )
        assert self._popen.stdout is not None  # noqa: S101 - a pipe was asked for
        self._out = self._popen.stdout.fileno()
        os.set_blocking(self._out, False)
        self._unfinished = b""

    def lines(self) -> list[bytes]:
        """The complete lines that came since the last call."""
        while chunk := self._read():
            self._unfinished += chunk
        *complete, self._unfinished = self._unfinished.split(b"\n")
        return complete

    def wait_for_output(self, timeout_s: float) -> bool:
        """Wait until there is something to read, or the pipe ended; False after `timeout_s`."""
        return bool(select.select([self._out], [], [], max(0.0, timeout_s))[0])

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it lives, which one that hangs in the driver does."""
        return self._popen.poll()

    def kill(self) -> None:
        """Send SIGKILL to the group, without waiting: it is gone once `exit_code` says so.

        Nothing can be read afterwards.
        """
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Kill it and wait until it is gone, a second at most: the driver may hold it longer."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_GONE_WITHIN_S)

    def _read(self) -> bytes:
        try:
            return os.read(self._out, _CHUNK_BYTES)
        except BlockingIOError:
            return b""
