"""A real pool, started as a person starts it, with a folder of its own."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
QUICK_BACKEND = "tests.fakes.quick_backend:QuickBackend"
POLLING_INTERVAL_S = 0.3
_STOPS_WITHIN_S = 20.0
T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, within_s: float = 30.0) -> T:
    """The first true value of `condition`; fails with `what` when it takes too long."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {what}")


class RunningPool:
    """`bin/start-pool` with CPU children and a quick backend. Use it in a `with` block.

    `through` is a command that runs the pool's, given as its last arguments, in its own place.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        key: str,
        *flags: str,
        environ: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "vercel_api_url": url,
            "polling_interval": POLLING_INTERVAL_S,
            "lease_duration_seconds": 6,
            "heartbeat_interval": 1.5,
            "backend": QUICK_BACKEND,
            "device": "cpu",
            "log_level": "DEBUG",
            **settings,
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        self.output = folder / "terminal.txt"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*through, ROOT / "bin" / "start-pool", "--config", "config.yaml", *flags],
                cwd=folder,
                env={**os.environ, "WORKER_API_KEY": key, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self) -> "RunningPool":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end()

    def end(self) -> bool:
        """End it as a person in a hurry does, with two signals; False if it had to be killed."""
        for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGINT):
            self.process.send_signal(number)
        try:
            self.process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    @property
    def said(self) -> str:
        """Everything that the pool wrote to its terminal."""
        return self.output.read_text()

    def status(self) -> dict[str, Any] | None:
        """The status file's content, None before there is one."""
        try:
            return json.loads((self.folder / "state" / "status.json").read_text())
        except FileNotFoundError:
            return None

    def slots(self) -> list[dict[str, Any]]:
        """The status of each slot; empty before there is a status."""
        status = self.status()
        return status["slots"] if status else []

    def wait_for_states(self, *states: str, within_s: float = 30.0) -> None:
        """Wait until the slots are in these states, in order."""
        wait_until(
            lambda: [slot["state"] for slot in self.slots()] == list(states),
            f"slots {states}; they are {self.slots()}\n{self.said[-3000:]}",
            within_s,
        )

    def children(self) -> list[psutil.Process]:
        """The pool's living child processes, as the kernel lists them."""
        return [
            child for child in psutil.Process(self.process.pid).children() if _is_a_workers(child)
        ]

    def signal(self, number: int) -> None:
        """Signal the supervisor."""
        self.process.send_signal(number)

    def wait(self, within_s: float = 30.0) -> int:
        """The exit code."""
        return self.process.wait(within_s)


def _is_a_workers(process: psutil.Process) -> bool:
    try:
        return "pool.child.main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has died, and may not have been waited for yet
        return False
