"""What crosses the wire to and from the Worker API, as frozen values. Pure: no I/O, no clock.

The requests are ours, and their fields are named as on the wire. The answers are untrusted. One
that cannot be used at all raises `Unreadable`. A task whose id is sound but whose other fields are
not is a `Task` with a `fault`: without the id there is nobody to report to; with it the task can be
reported failed, and does not come back for ever.
"""

import json
import unicodedata
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Literal

WorkerType = Literal["wan", "runway"]

MAX_ID_CHARS = 200
MAX_PROMPT_CHARS = 20_000
MAX_PATH_CHARS = 1024
MAX_URL_CHARS = 8192
MAX_FRAMES = 100_000
_MAX_LABEL_CHARS = 100


class Unreadable(ValueError):
    """An answer that is not what the contract promises; the message is one sentence."""


@dataclass(frozen=True)
class NextTask:
    """Ask for a task and its lease."""

    verb: ClassVar[str] = "next-task"
    worker_id: str
    lease_duration_seconds: int
    worker_type: WorkerType


@dataclass(frozen=True)
class Heartbeat:
    """Renew a lease; `extend_seconds: 1` gives it back."""

    verb: ClassVar[str] = "heartbeat"
    item_id: str
    worker_id: str
    extend_seconds: int


@dataclass(frozen=True)
class PresignDownload:
    """Ask for a URL to read a photo from."""

    verb: ClassVar[str] = "presign"
    storage_path: str
    operation: Literal["download"] = "download"


@dataclass(frozen=True)
class PresignUpload:
    """Ask for a URL to store an item's video at."""

    verb: ClassVar[str] = "presign"
    video_item_id: str
    operation: Literal["upload"] = "upload"
    file_extension: Literal["mp4"] = "mp4"


@dataclass(frozen=True)
class ReportCompleted:
    """Say that the video is stored."""

    verb: ClassVar[str] = "report"
    item_id: str
    worker_id: str
    video_storage_path: str
    runway_task_id: str | None = None
    status: Literal["completed"] = "completed"


@dataclass(frozen=True)
class ReportFailed:
    """Say that the task itself is at fault."""

    verb: ClassVar[str] = "report"
    item_id: str
    worker_id: str
    error_message: str
    status: Literal["failed"] = "failed"


WireRequest = (
    NextTask | Heartbeat | PresignDownload | PresignUpload | ReportCompleted | ReportFailed
)


def encoded(request: WireRequest) -> bytes:
    """The request's JSON body; fields that are None are left out."""
    fields = {name: value for name, value in asdict(request).items() if value is not None}
    return json.dumps(fields).encode("ascii")


@dataclass(frozen=True)
class Task:
    """One task as the server sent it, its fields checked.

    `fault` is None, or a sentence for the report: the task cannot be done as it stands, and the
    field that is at fault is empty here. `leased_until` is the server's clock: for display only.
    """

    item_id: str
    group_id: str | None
    photo_id: str | None
    prompt: str
    photo_storage_path: str
    leased_until: datetime | None
    frame_num: int | None
    inference_provider: str | None
    fault: str | None


@dataclass(frozen=True)
class SignedDownload:
    """A URL to read from, good for about `expires_in_s`. The URL is a secret: not in the repr."""

    url: str = field(repr=False)
    expires_in_s: int | None


@dataclass(frozen=True)
class SignedUpload:
    """A URL to store at, and the path to report. `expires_in_s` is what the server believes."""

    url: str = field(repr=False)
    storage_path: str
    expires_in_s: int | None


def envelope(body: bytes) -> dict[str, object]:
    """The answer `{"success": …, "data": …, "error": …}` of any call. Raises `Unreadable`."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # a megabyte of "[" exhausts the parser's stack
        answer = None
    if not isinstance(answer, dict):
        raise Unreadable(
            "the answer is not a JSON object" if body.strip() else "the answer is empty"
        )
    return answer


def task(data: object) -> Task | None:
    """The task in a `next-task` answer's data; None when there is none. Raises `Unreadable`."""
    if data is None:
        return None
    fields = _object(data)
    item_id = _label(fields.get("item_id"), MAX_ID_CHARS)
    if item_id is None:
        raise Unreadable("the task has no usable item_id")
    prompt, prompt_fault = _prompt(fields.get("prompt"))
    path, path_fault = _storage_path(fields.get("photo_storage_path"))
    frame_num, frame_fault = _frame_num(fields.get("frame_num"))
    return Task(
        item_id=item_id,
        group_id=_label(fields.get("group_id"), MAX_ID_CHARS),
        photo_id=_label(fields.get("photo_id"), MAX_ID_CHARS),
        prompt=prompt,
        photo_storage_path=path,
        leased_until=instant(fields.get("leased_until")),
        frame_num=frame_num,
        inference_provider=_label(fields.get("inference_provider"), _MAX_LABEL_CHARS),
        fault=prompt_fault or path_fault or frame_fault,
    )


def renewed_until(data: object) -> datetime | None:
    """The new end of the lease in a `heartbeat` answer's data, where the server sends any."""
    return instant(data.get("leased_until")) if isinstance(data, dict) else None


def signed_download(data: object) -> SignedDownload:
    """The answer to a download's `presign`. Raises `Unreadable`."""
    fields = _object(data)
    return SignedDownload(_url(fields.get("url")), _seconds(fields.get("expires_in")))


def signed_upload(data: object) -> SignedUpload:
    """The answer to an upload's `presign`. Raises `Unreadable`."""
    fields = _object(data)
    path, fault = _storage_path(fields.get("storage_path"))
    if fault is not None:
        raise Unreadable("the answer has no usable storage_path")
    return SignedUpload(_url(fields.get("url")), path, _seconds(fields.get("expires_in")))


def instant(value: object) -> datetime | None:
    """An ISO 8601 instant, taken as UTC where it names no zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def _object(data: object) -> dict[str, object]:
    if not isinstance(data, dict):
        raise Unreadable("the answer's data is not an object")
    return data


def _label(value: object, limit: int) -> str | None:
    if isinstance(value, str) and 0 < len(value) <= limit and value.isprintable():
        return value
    return None


def _url(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_URL_CHARS:
        raise Unreadable("the answer has no usable url")
    return value


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _prompt(value: object) -> tuple[str, str | None]:
    if value is None:
        return "", None
    if not isinstance(value, str):
        return "", "The prompt is not a text."
    if len(value) > MAX_PROMPT_CHARS:
        return "", f"The prompt has {len(value)} characters; {MAX_PROMPT_CHARS} are accepted."
    if any(unicodedata.category(c) == "Cs" for c in value):
        return "", "The prompt is not valid Unicode."
    return value, None


def _storage_path(value: object) -> tuple[str, str | None]:
    if not isinstance(value, str) or not value:
        return "", "The task names no photo."
    if len(value) > MAX_PATH_CHARS:
        return "", f"The photo's path is longer than {MAX_PATH_CHARS} characters."
    if value.startswith("/") or ".." in value.split("/"):
        return "", "The photo's path leaves its folder."
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in value):
        return "", "The photo's path holds control characters."
    return value, None


def _frame_num(value: object) -> tuple[int | None, str | None]:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 6:
        value = int(value)
    if value is None:
        return None, None
    if isinstance(value, bool) or not isinstance(value, int):
        return None, "frame_num is not a whole number."
    if not 1 <= value <= MAX_FRAMES:
        return None, f"frame_num is not between 1 and {MAX_FRAMES}."
    return value, None
