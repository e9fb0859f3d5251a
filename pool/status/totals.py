"""What the pool as a whole has done lately: videos an hour, and how busy its slots were. Pure.

A slot *works* while it makes frames (the stage `infer`); everything else overlaps with that when
all is well. The time is taken from the leases that ended with one, and from those in work.
"""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from pool.status.queue import Queue
from pool.status.schema import CurrentTask, Status
from pool.status.task_records import TaskRecord

WINDOW_S = 3600.0
_LEAST_S = 60.0
"""In a shorter time than this, a rate says nothing."""
_AFTER_INFER = ("encode", "upload", "report")


class Totals(BaseModel):
    """The pool's last `window_s` seconds: an hour, or its whole life where that is shorter.

    `worked_share`, in [0, 1]: the part of all slots' time in which they made frames.
    `queue_empty_s`, `key_refused_s`: for how long that has been so; null where it is not.
    `poll_failures`: questions to the Worker API in a row that failed.
    """

    model_config = ConfigDict(frozen=True)

    window_s: float
    videos: int
    failed: int
    lost: int
    videos_per_hour: float | None
    worked_share: float | None
    queue_empty_s: float | None
    key_refused_s: float | None
    poll_failures: int


def totals(
    status: Status, records: Sequence[TaskRecord], queue: Queue | None, now: float
) -> Totals:
    """The totals at `now`, the wall-clock second at which `status` was written."""
    window_s = min(WINDOW_S, status.pool.uptime_s)
    recent = [record for record in records if now - window_s <= record.at <= now]
    endings = [record.ending for record in recent]
    videos, failed = endings.count("completed"), endings.count("failed")
    share = None
    if window_s >= _LEAST_S and status.slots:
        worked_s = sum(_worked_s(record, now, window_s) for record in recent)
        worked_s += sum(min(window_s, _infer_s_so_far(slot.current)) for slot in status.slots)
        share = round(min(1.0, worked_s / (window_s * len(status.slots))), 3)
    return Totals(
        window_s=window_s,
        videos=videos,
        failed=failed,
        lost=sum(ending in ("lost", "abandoned", "died") for ending in endings),
        videos_per_hour=round(videos * 3600 / window_s, 1) if window_s >= _LEAST_S else None,
        worked_share=share,
        queue_empty_s=_tenths(queue.empty_for_s) if queue else None,
        key_refused_s=_tenths(queue.refused_for_s) if queue else None,
        poll_failures=queue.failures if queue else 0,
    )


def mean_stage_s(records: Iterable[TaskRecord]) -> dict[str, float]:
    """The mean seconds that the completed ones of these spent in each stage."""
    completed = [record.stage_s for record in records if record.ending == "completed"]
    stages = dict.fromkeys(stage for stage_s in completed for stage in stage_s)
    return {
        stage: round(sum(s.get(stage, 0.0) for s in completed) / len(completed), 2)
        for stage in stages
    }


def _worked_s(record: TaskRecord, now: float, window_s: float) -> float:
    """How long, within the window, the lease's frames were being made."""
    end = record.at - sum(record.stage_s.get(stage, 0.0) for stage in _AFTER_INFER)
    start = end - record.stage_s.get("infer", 0.0)
    return max(0.0, end - max(start, now - window_s))


def _infer_s_so_far(current: CurrentTask | None) -> float:
    """How long frames have been made for the task in work, from its progress and what is left."""
    if current is None or current.stage != "infer" or current.eta_s is None:
        return 0.0
    left = 1 - current.progress
    return current.eta_s * current.progress / left if left > 0 else 0.0


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
