"""What the operator sends and is answered."""

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from server.leases import Status
from server.tasks import Task
from server.worker_messages import Text


class PhotoView(BaseModel):
    """A stored photo. Photos of one family share a `group_id`."""

    photo_id: UUID
    group_id: UUID
    photo_storage_path: str


class NewTask(BaseModel):
    """A video to make from a stored photo.

    `frame_num` is counted at 24 frames a second; without it the worker's preset decides. Without
    `inference_provider`, or with `wan_local`, the task is for GPU workers; with any other, such as
    `gen4_turbo`, it is for Runway workers.
    """

    photo_id: UUID
    prompt: Annotated[Text, Field(max_length=10_000)] = Field(
        examples=["The family laughs; slow dolly-in, warm evening light."]
    )
    frame_num: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = Field(
        default=None, examples=[121]
    )
    inference_provider: Annotated[str, Field(pattern=r"^[a-z0-9._]{1,64}$")] | None = Field(
        default=None, examples=["wan_local"]
    )


class TaskView(BaseModel):
    """A task as it stands. `number` is its place in the queue."""

    number: int
    item_id: str
    group_id: str
    photo_id: str
    photo_storage_path: str
    prompt: str
    frame_num: int | None
    inference_provider: str | None
    status: Status
    worker_id: str | None
    leased_until: datetime | None
    lapses: int = Field(description="how often a worker vanished while it held the task")
    retry_count: int = Field(description="how often a worker reported the task failed")
    error_message: str | None
    video_storage_path: str | None
    veo_operation_id: str | None
    runway_task_id: str | None
    created_at: datetime
    started_at: datetime | None = Field(description="when the present lease was taken")
    finished_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> Self:
        """The view of one task."""
        lease = task.lease
        return cls(
            number=task.number,
            item_id=task.item_id,
            group_id=task.group_id,
            photo_id=task.photo_id,
            photo_storage_path=task.photo_storage_path,
            prompt=task.prompt,
            frame_num=task.frame_num,
            inference_provider=task.inference_provider,
            status=lease.status,
            worker_id=lease.worker_id,
            leased_until=_instant(lease.leased_until_s),
            lapses=lease.lapses,
            retry_count=lease.retry_count,
            error_message=lease.error_message,
            video_storage_path=task.video_storage_path,
            veo_operation_id=task.veo_operation_id,
            runway_task_id=task.runway_task_id,
            created_at=datetime.fromtimestamp(task.created_at_s, UTC),
            started_at=_instant(task.started_at_s),
            finished_at=_instant(task.finished_at_s),
        )


class TaskPage(BaseModel):
    """Some tasks in the queue's order. `next_after` asks for the next page; null: no more."""

    tasks: list[TaskView]
    next_after: int | None


def _instant(epoch_s: float | None) -> datetime | None:
    return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)
