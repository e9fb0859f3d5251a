"""Time, as far as this package looks at it. Tests bring their own."""

import time
from typing import Protocol

from inference.backend import CancelToken

_SLICE_S = 0.2
"""How late a wait may notice that it was cancelled."""


class Clock(Protocol):
    """Monotonic seconds, seconds since the epoch, and a wait."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary moment; only differences mean something."""

    def wall(self) -> float:
        """Seconds since the epoch: for days, and for what is compared across restarts."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's own."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary moment."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


def wait(clock: Clock, seconds: float, cancel: CancelToken) -> None:
    """Let `seconds` pass. Raises `Cancelled` soon after `cancel` was asked for."""
    until = clock.monotonic() + seconds
    while (left_s := until - clock.monotonic()) > 0:
        cancel.check()
        clock.sleep(min(left_s, _SLICE_S))
    cancel.check()
