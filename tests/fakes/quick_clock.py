"""A clock that stands still until somebody waits, and then jumps."""

import time


class QuickClock:
    """Both times begin at a fixed moment; a wait is over at once and moves them by its length."""

    def __init__(self) -> None:
        self.slept_s = 0.0
        self.wall_offset_s = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.slept_s

    def wall(self) -> float:
        return self.slept_s + self.wall_offset_s

    def sleep(self, seconds: float) -> None:
        # Another thread may have something to say meanwhile.
        time.sleep(0.001)
        self.slept_s += seconds
