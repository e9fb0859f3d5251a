"""One process that the demonstration starts, watches and ends."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from demo.errors import DemoFailed
from pool.parent_death import die_with_parent


class Process:
    """A command in a session of its own: Ctrl-C reaches the demo alone, which ends all in order.

    What it says on standard error goes to `log`. Use it in a `with` block.
    """

    def __init__(
        self, command: Sequence[str | Path], log: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.log = log
        self.name = Path(command[0]).name
        me = os.getpid()
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
                # It must not outlive a demo that is killed. Safe: this process has one thread here.
                preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.ask_to_end()
        self.wait(within_s=15.0)
        if self.code is None:
            self._process.kill()
            self._process.wait()

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def first_line(self) -> str:
        """Its first line of standard output; waits for it. Empty if it ended without one."""
        return self._process.stdout.readline() if self._process.stdout else ""

    def check(self) -> None:
        """Raise `DemoFailed` if it has ended, with the last error that it spoke of."""
        if self.code is not None:
            lines = self.log.read_text(errors="replace").splitlines()
            errors = [line for line in lines if "[ERROR]" in line]
            words = next(reversed(errors or lines), "it said nothing")
            raise DemoFailed(f"{self.name} ended with code {self.code}: {words} ({self.log})")

    def ask_to_end(self) -> None:
        """Send SIGTERM: the pool drains at the first one and stops at the second."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, within_s: float | None = None) -> None:
        """Wait for its end, but no longer than that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
