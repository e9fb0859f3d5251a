"""Whether a process has made enough videos: what its memory and its pictures say. Pure.

A long-lived process should need the same memory after its hundredth video as after its first few.
Libraries do not always keep to that (moving models to and fro is known to grow the process), and a
device that has gone wrong without an error gives black or broken pictures, one after the other. A
fresh process cures both, at the price of one load.
"""

from dataclasses import dataclass

_SETTLING = 3
"""Videos until caches, kernels and arenas have their size; the largest of these is the measure."""
_BAD_IN_A_ROW = 4
"""Two tasks, each tried with two seeds."""
GIB = 2**30


@dataclass(frozen=True)
class Usage:
    """Bytes that this process holds between two videos; the card's are 0 on a CPU."""

    host: int
    card_allocated: int
    card_reserved: int

    def __str__(self) -> str:
        card = f"{self.card_allocated / GIB:.2f} GiB on the card"
        return f"{self.host / GIB:.2f} GiB, {card}, {self.card_reserved / GIB:.2f} GiB reserved"


@dataclass(frozen=True)
class Limits:
    """How many bytes a process may grow by.

    What the card's allocator reserves is not judged: it follows the sizes of the videos.
    """

    host: int = 6 * GIB
    card: int = 1 * GIB


class Wear:
    """What became of the videos of one process. Used on the device thread; read on any."""

    def __init__(self, limits: Limits) -> None:
        self.made = 0
        self.unusable = 0
        self.worn_out: str | None = None
        self._limits = limits
        self._settled = Usage(0, 0, 0)
        self._bad_in_a_row = 0

    def after_video(self, usage: Usage, *, usable: bool) -> None:
        """Take in one more attempt at a video, and what the process holds now that it is over."""
        self.made += usable
        self.unusable += not usable
        self._bad_in_a_row = 0 if usable else self._bad_in_a_row + 1
        if self.made + self.unusable <= _SETTLING:
            self._settled = _larger(self._settled, usage)
        self.worn_out = self.worn_out or self._verdict(usage)

    def _verdict(self, usage: Usage) -> str | None:
        grown = (
            ("process", usage.host - self._settled.host, self._limits.host),
            ("memory on the card", usage.card_allocated - self._settled.card_allocated,
             self._limits.card),
        )  # fmt: skip
        for what, by_bytes, limit_bytes in grown:
            if by_bytes > limit_bytes:
                return f"its {what} grew by {by_bytes / GIB:.1f} GiB over {self.made} videos"
        if self._bad_in_a_row >= _BAD_IN_A_ROW:
            return f"its last {self._bad_in_a_row} videos in a row were black or broken"
        return None


def _larger(one: Usage, other: Usage) -> Usage:
    return Usage(
        max(one.host, other.host),
        max(one.card_allocated, other.card_allocated),
        max(one.card_reserved, other.card_reserved),
    )
