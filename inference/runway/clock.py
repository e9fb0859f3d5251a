"""Time, as far as this package looks at it. Tests bring their own."""

import time
from collections.abc import Callable
from typing import Protocol

from inference.backend import CancelToken

_SLICE_S = 0.2
"""How late a wait may notice that it was cancelled."""

_SIGN_EVERY_S = 5.0


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


def wait(
    clock: Clock, seconds: float, cancel: CancelToken, sign: Callable[[], None] = lambda: None
) -> None:
    """Let `seconds` pass. Raises `Cancelled` soon after `cancel` was asked for.

    `sign` is called every five seconds: whoever waits for a known time has not hung.
    """
    now = signed_at = clock.monotonic()
    until = now + seconds
    while now < until:
        cancel.check()
        if now - signed_at >= _SIGN_EVERY_S:
            sign()
            signed_at = now
        clock.sleep(min(until - now, _SLICE_S))
        now = clock.monotonic()
    cancel.check()
