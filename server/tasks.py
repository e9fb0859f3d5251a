"""A task as the database holds it, read into one frozen value."""

from dataclasses import dataclass

from sqlalchemy import Row, Select, select

from server.leases import Lease, Status
from server.tables import ITEMS, PHOTOS


@dataclass(frozen=True)
class Task:
    """One task with its photo. `number` is its place in the queue; times are epoch seconds."""

    number: int
    item_id: str
    group_id: str
    photo_id: str
    photo_storage_path: str
    prompt: str
    frame_num: int | None
    inference_provider: str | None
    lease: Lease
    video_storage_path: str | None
    veo_operation_id: str | None
    runway_task_id: str | None
    created_at_s: float
    started_at_s: float | None
    finished_at_s: float | None


def select_tasks() -> Select[tuple[object, ...]]:
    """The query whose rows `read_task` takes."""
    return select(ITEMS, PHOTOS.c.group_id, PHOTOS.c.photo_storage_path).join(PHOTOS)


def read_task(row: Row[tuple[object, ...]]) -> Task:
    """The task in one row of `select_tasks`."""
    columns = row._asdict()
    lease = Lease(
        status=Status(columns.pop("status")),
        worker_id=columns.pop("worker_id"),
        leased_until_s=columns.pop("leased_until_s"),
        released=columns.pop("released"),
        lapses=columns.pop("lapses"),
        retry_count=columns.pop("retry_count"),
        error_message=columns.pop("error_message"),
    )
    return Task(lease=lease, **columns)
