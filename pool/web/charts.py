"""What the page's charts show. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from pool.status.task_records import TaskRecord
from pool.status.totals import mean_stage_s
from pool.web.history import KEPT_S, Sample

BUCKET_S = 900.0


@dataclass(frozen=True)
class Bucket:
    """A quarter of an hour: its videos, and the mean seconds that they spent in each stage."""

    at: float
    videos: int
    stage_s: dict[str, float]


def chart_data(
    samples: Sequence[Sample], records: Iterable[TaskRecord], now: float
) -> dict[str, object]:
    """Everything that is drawn, for the last hours before the wall-clock second `now`."""
    names = sorted({name for sample in samples for name in sample.slots})
    return {
        "from": now - KEPT_S,
        "to": now,
        "at": [sample.at for sample in samples],
        "slots": {name: _series(samples, name) for name in names},
        "buckets": [asdict(bucket) for bucket in buckets(records, now)],
    }


def buckets(records: Iterable[TaskRecord], now: float) -> list[Bucket]:
    """The videos of the last hours by quarters; the newest quarter, still running, comes last."""
    first = int((now - KEPT_S) // BUCKET_S) + 1
    last = int(now // BUCKET_S)
    found: dict[int, list[TaskRecord]] = {number: [] for number in range(first, last + 1)}
    for record in records:
        number = int(record.at // BUCKET_S)
        if number in found and record.ending == "completed":
            found[number].append(record)
    return [
        Bucket(number * BUCKET_S, len(inside), mean_stage_s(inside))
        for number, inside in found.items()
    ]


def _series(samples: Sequence[Sample], name: str) -> dict[str, list[float | None]]:
    points = [sample.slots.get(name) for sample in samples]
    return {
        "load_percent": [point.load_percent if point else None for point in points],
        "memory_bytes": [point.memory_bytes if point else None for point in points],
        "temperature_c": [point.temperature_c if point else None for point in points],
    }
