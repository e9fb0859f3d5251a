"""A small process beside the pool: the status page, or the alerts.

It is started with the pool, replaced when it dies, and never waited for while the pool runs. It
ends with the pool because its stdin does, however the supervisor ends.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from client.backoff import backoff_s
from pool.settings.environment import without_secrets
from pool.supervisor.output_file import opened

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_HEALTHY_S = 300.0
_CAP_S = 60.0


@dataclass(frozen=True)
class CompanionLaunch:
    """What a companion is started with.

    `arguments` follow the interpreter's name; `first_line` goes to its stdin; `output` takes what
    it prints.
    """

    name: str
    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    output: Path
    first_line: bytes = b""

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, in a process group of its own, so that Ctrl-C does not reach it."""
        with opened(self.output) as output:
            process = subprocess.Popen(
                [sys.executable, "-P", *self.arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=without_secrets(self.environ) | {"PYTHONPATH": str(PROJECT_ROOT)},
                process_group=0,
            )
        if self.first_line and process.stdin is not None:
            # A line is far smaller than what a pipe holds, so this does not block.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(self.first_line)
                process.stdin.flush()
        return process


class Companion:
    """One companion, whichever process it is at the moment. Used by the supervisor's thread."""

    def __init__(
        self, name: str, output: Path, start: Callable[[], "subprocess.Popen[bytes]"]
    ) -> None:
        self._name = name
        self._output = output
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._born_at = self._start_at = 0.0
        self._failures = 0

    @classmethod
    def of(cls, launch: CompanionLaunch) -> "Companion":
        """The companion that `launch` describes."""
        return cls(launch.name, launch.output, launch.start)

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        return None if self._process is None else self._process.pid

    def step(self, now: float) -> None:
        """Start it, or replace it, when it is time to; never blocks."""
        if self._process is None:
            if now >= self._start_at:
                self._begin(now)
        elif (code := self._process.poll()) is not None:
            self._lost(f"ended with code {code}; {self._output} says why", now)

    def close(self, within_s: float) -> None:
        """Have it end, and wait so long for it."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _begin(self, now: float) -> None:
        try:
            self._process = self._start()
        except OSError as error:
            self._lost(f"could not be started: {error.strerror}", now)
            return
        self._born_at = now

    def _lost(self, how: str, now: float) -> None:
        self._failures = 1 if now - self._born_at >= _HEALTHY_S else self._failures + 1
        self._process = None
        self._start_at = now + backoff_s(self._failures, cap_s=_CAP_S, jitter=0.0)
        if self._failures == 1:
            logger.warning("{} {}; it is started again", self._name, how)
