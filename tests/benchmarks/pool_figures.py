"""What a run says in numbers. Pure: spans of computing and the server's log in, figures out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.benchmarks.pool_device import Span
from tests.fakes.bad_server import Entry

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Window:
    """The part of a run that is measured. Monotonic seconds."""

    begin: float
    end: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.begin

    def holds(self, at: float) -> bool:
        """Whether an instant lies in it."""
        return self.begin <= at < self.end

    def part_of(self, begin: float, end: float) -> float:
        """How many seconds of an interval lie in it."""
        return max(0.0, min(end, self.end) - max(begin, self.begin))


def busy_share(spans: Iterable[Span], window: Window, devices: int) -> float:
    """The share of the window in which the devices computed.

    A computation counts for as long as it was asked to take: what it took longer, because the host
    was late to wake it, is not work.
    """
    computed_s = 0.0
    for span in spans:
        asked_until = span.began + span.asked_s
        until = asked_until if span.ended is None else min(span.ended, asked_until)
        computed_s += window.part_of(span.began, until)
    return computed_s / (devices * window.length_s)


def videos_per_hour(spans: Iterable[Span], window: Window) -> float:
    """Videos made, an item that was made twice counted once.

    A computation counts by that part of it which lies in the window: whole videos would add up to
    one a device by luck of the window's edges.
    """
    first_of = {span.item_id: span for span in sorted(spans, key=_backwards)}
    made = sum(
        window.part_of(span.began, span.began + span.asked_s) / span.asked_s
        for span in first_of.values()
    )
    return _HOUR_S * made / window.length_s


def _backwards(span: Span) -> float:
    return -span.began


def made_twice(log: Iterable[Entry]) -> int:
    """How many leases were handed to a second worker while the first one held them."""
    effects = [entry.effect for entry in log if entry.effect is not None]
    return sum(
        effect.kind == "leased" and effect.previous_status == "processing" for effect in effects
    )


def requests_per_s(log: Iterable[Entry], window: Window) -> float:
    """Requests that reached the server, those for photos and videos included."""
    received = [entry for entry in log if entry.endpoint != "admin"]
    return sum(window.holds(entry.received_s) for entry in received) / window.length_s


def polls(log: Iterable[Entry], window: Window) -> int:
    """Questions for a task."""
    return sum(entry.endpoint == "next-task" and window.holds(entry.received_s) for entry in log)


@dataclass(frozen=True)
class Slope:
    """A straight line through measured points: its rise, and the standard error of that."""

    rise: float
    error: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """The least-squares line through at least three points."""
    mean_x, mean_y = (fmean(axis) for axis in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residue = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
    return Slope(rise, (residue / (len(points) - 2) / spread) ** 0.5)
