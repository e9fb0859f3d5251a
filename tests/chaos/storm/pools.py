"""One pool of the storm, over all the times that it is started."""

import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from pool.exit_codes import ExitCode
from tests.checker import MARK
from tests.fakes.running_pool import RunningPool

LOOK_EVERY_S = 1.0
_AS_ASKED = (
    ExitCode.CLEAN,
    ExitCode.STOPPED,
    ExitCode.ALL_QUARANTINED,
    -signal.SIGKILL,
    -signal.SIGTERM,  # before it had anything to drain: it was still starting
)


@dataclass(frozen=True)
class Birth:
    """What a pool is started with, each time. All its processes bear `mark`.

    `environ` is added to the environment.
    """

    name: str
    folder: Path
    url: str
    key: str
    children: int
    mark: str
    settings: Mapping[str, Any]
    environ: Mapping[str, str] = field(default_factory=dict)


class StormPool:
    """A pool that is started again whenever it has ended. Used by the storm's one thread.

    `starts` counts how often, `ends` how it ended, `odd` says each end that nobody had asked for.
    """

    def __init__(self, birth: Birth) -> None:
        self.name = birth.name
        self.folder = birth.folder
        self.mark = birth.mark
        self.starts = 0
        self.ends: Counter[str] = Counter()
        self.odd: list[str] = []
        self._birth = birth
        self._running: RunningPool | None = None
        self._start_at = 0.0
        self._look_at = 0.0
        self._worn_out = False

    def step(self, now: float) -> None:
        """Start the pool if it is down and its time has come; end it if it has worn itself out."""
        if self._running is None:
            if now >= self._start_at:
                self._start()
        elif (code := self._running.process.poll()) is not None:
            self._ended(code)
        elif now >= self._look_at and not self._worn_out:
            self._look_at = now + LOOK_EVERY_S
            if self._has_mostly_given_up():
                # As whoever runs it would do; and the storm needs somebody to blow at.
                self._worn_out = True
                self.signal(signal.SIGTERM)

    def signal(self, number: int, back_at: float = 0.0) -> None:
        """Signal the supervisor, if there is one; the pool is not started before `back_at`."""
        if self._running is not None and self._running.process.poll() is None:
            self._start_at = max(self._start_at, back_at)
            self._running.signal(number)

    def children(self) -> list[psutil.Process]:
        """Its living children."""
        if self._running is None or self._running.process.poll() is not None:
            return []
        try:
            return self._running.children()
        except psutil.NoSuchProcess:
            return []

    def is_up(self) -> bool:
        """Whether every slot has a child that has loaded."""
        states = [slot["state"] for slot in self._slots()]
        return bool(states) and set(states) <= {"ready", "busy"}

    def end(self, within_s: float) -> None:
        """Drain, and say so if that does not come to an end in time."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        until = time.monotonic() + within_s
        while self._running is not None and time.monotonic() < until:
            if (code := self._running.process.poll()) is not None:
                self._ended(code)
            time.sleep(0.05)
        if self._running is not None:
            self.odd.append(f"{self.name} did not end within {within_s:.0f} s of a SIGTERM")
            self.kill()

    def kill(self) -> None:
        """Kill the supervisor, for good."""
        if self._running is not None:
            self._running.process.kill()
            self._running.wait()
            self._running = None

    def _start(self) -> None:
        birth = self._birth
        flags = ("--workers", str(birth.children))
        environ = {**birth.environ, MARK: birth.mark}
        made = RunningPool(
            birth.folder, birth.url, birth.key, *flags, environ=environ, **birth.settings
        )
        self.starts += 1
        self._worn_out = False
        self._running = made

    def _ended(self, code: int) -> None:
        assert self._running is not None
        self.ends[_words(code)] += 1
        if code not in _AS_ASKED:
            said = " | ".join(self._running.said.splitlines()[-3:])
            self.odd.append(f"{self.name} ended with code {code}: {said}")
        self._running = None

    def _has_mostly_given_up(self) -> bool:
        states = [slot["state"] for slot in self._slots()]
        return states.count("quarantined") * 2 > len(states)

    def _slots(self) -> list[dict[str, Any]]:
        """The status of each slot, as the running supervisor wrote it."""
        status = self._running.status() if self._running is not None else None
        # The file of the life before lies there until the new one has written its own.
        if status is None or status["pool"]["pid"] != self._running.process.pid:
            return []
        slots: list[dict[str, Any]] = status["slots"]
        return slots


def _words(code: int) -> str:
    if code in set(ExitCode):
        return ExitCode(code).name
    return signal.Signals(-code).name if code < 0 else f"code {code}"
