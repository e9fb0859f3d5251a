"""What workers send and are answered. The names on the wire are the contract's."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from server.task_queue import WorkerType

LONGEST_LEASE_S = 24 * 3600
LONGEST_ERROR = 4000


def _storable(value: str) -> str:
    # JSON can spell what no database stores: NUL, and halves of characters.
    if value != _made_storable(value):
        raise ValueError("must be Unicode text without NUL characters")
    return value


def _shortened(value: str) -> str:
    # A report of failure is never refused for its wording: the outcome matters more.
    return _made_storable(value)[:LONGEST_ERROR]


def _made_storable(value: str) -> str:
    return value.encode(errors="replace").decode().replace("\0", "?")


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=LONGEST_LEASE_S)]


class NextTaskRequest(BaseModel):
    """Asks for the oldest task of one kind. Workers of the first specification are `wan`."""

    worker_id: Name = Field(examples=["worker-1-gpu0-7f3a"])
    lease_duration_seconds: Seconds = 600
    worker_type: WorkerType = WorkerType.WAN


class LeasedTask(BaseModel):
    """A task, leased to the worker until `leased_until`."""

    item_id: str
    group_id: str
    photo_id: str
    prompt: str
    photo_storage_path: str
    leased_until: datetime
    frame_num: int | None
    inference_provider: str | None


class PresignDownload(BaseModel):
    """Asks for a URL to GET a photo."""

    operation: Literal["download"]
    storage_path: Name = Field(examples=["<group_id>/<photo_id>_original.jpg"])


class PresignUpload(BaseModel):
    """Asks for a URL to PUT the video of a task that is in work."""

    operation: Literal["upload"]
    video_item_id: Name
    file_extension: Literal["mp4"] = "mp4"


class SignedDownload(BaseModel):
    """A URL that works for `expires_in` seconds."""

    url: str
    expires_in: int


class SignedUpload(SignedDownload):
    """The same for a PUT; `storage_path` goes into the report."""

    storage_path: str


class HeartbeatRequest(BaseModel):
    """Asks for more time. It never shortens a lease, except that 1 gives the task back."""

    item_id: Name
    worker_id: Name
    extend_seconds: Seconds = 300


class Renewed(BaseModel):
    """The lease as it now stands."""

    leased_until: datetime


class ReportCompleted(BaseModel):
    """Says that the video was stored at `video_storage_path`."""

    item_id: Name
    worker_id: Name
    status: Literal["completed"]
    video_storage_path: Name
    veo_operation_id: Name | None = None
    runway_task_id: Name | None = None


class ReportFailed(BaseModel):
    """Says that the task itself cannot be done."""

    item_id: Name
    worker_id: Name
    status: Literal["failed"]
    error_message: Annotated[str, AfterValidator(_shortened)] = "no reason given"


class Reported(BaseModel):
    """The report was taken, now or when it was first sent."""

    message: str
    item_id: str


PresignRequest = Annotated[PresignDownload | PresignUpload, Field(discriminator="operation")]
ReportRequest = Annotated[ReportCompleted | ReportFailed, Field(discriminator="status")]
