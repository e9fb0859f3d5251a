"""What a day may cost, and what it has cost so far. Pure.

Days are those of UTC. All sums are estimates: of Runway's own word on a task where there was one,
else of the table in `inference.runway.models`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

DAY_S = 86_400


@dataclass(frozen=True)
class Today:
    """The pool's Runway tasks of this UTC day, those of unknown outcome included.

    `resumed`: how often a task was taken up again that an earlier lease had made.
    `maybe_twice`: creates whose outcome is unknown and that were followed by another.
    """

    videos: int = 0
    usd: float = 0.0
    resumed: int = 0
    maybe_twice: int = 0

    def __str__(self) -> str:
        return f"{_videos(self.videos)}, about ${self.usd:.2f} (estimate)"


@dataclass(frozen=True)
class Caps:
    """The limits of one day; None: no limit."""

    usd: float | None = None
    videos: int | None = None


def day_start(now: float) -> float:
    """When the UTC day of `now` began; both in seconds since the epoch."""
    return now // DAY_S * DAY_S


def cap_reached(today: Today, caps: Caps, next_usd: float) -> str | None:
    """Why one more video of `next_usd` may not be made today; None if it may."""
    if caps.videos is not None and today.videos >= caps.videos:
        return f"the day's cap of {_videos(caps.videos)} is reached: {today}"
    # Sums of floats: a cap of exactly ten videos must let the tenth through.
    if caps.usd is not None and today.usd + next_usd > caps.usd + 1e-9:
        return f"the day's cap of ${caps.usd:.2f} is reached: ${today.usd:.2f} spent (estimate)"
    return None


def _videos(count: int) -> str:
    return "1 video" if count == 1 else f"{count} videos"


def until_words(until: float) -> str:
    """An instant, given in seconds since the epoch, for a person."""
    return datetime.fromtimestamp(until, UTC).strftime("until %H:%M UTC")
