"""The operator's calls: add photos and tasks, look at them, retry one, fetch a video."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from fastapi.security import APIKeyHeader
from starlette.datastructures import UploadFile

from server.admin_messages import NewTask, PhotoView, TaskPage, TaskView
from server.envelope import Answer, refusals
from server.errors import BadRequest, NotFound, Unauthorized, WrongType
from server.keys import is_authorized
from server.leases import Status
from server.objects import Bucket, Incoming, Objects, photo_name, video_name
from server.service import ServiceDep
from server.task_catalog import Order, Photo
from server.upload import VIDEO_TYPE, media_type, receive_body, receive_file

PHOTOS_PATH = "/api/admin/photos"
LARGEST_NUMBER = 2**31 - 1

PHOTO_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/heic": "heic",
    "image/avif": "avif",
}
FORM_TYPE = "multipart/form-data"

_header = APIKeyHeader(
    name="Authorization",
    scheme_name="admin",
    description="`Admin <ADMIN_API_KEY>`",
    auto_error=False,
)


def _require_admin(service: ServiceDep, header: Annotated[str | None, Security(_header)]) -> None:
    if not is_authorized(header, "Admin", service.keys.admin):
        raise Unauthorized("the admin key is missing or wrong: Authorization: Admin <key>")


router = APIRouter(
    prefix="/api/admin",
    tags=["admin"],
    dependencies=[Depends(_require_admin)],
    responses=refusals({400: "the request is wrong", 401: "the key is missing or wrong"}),
)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PHOTO_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            **dict.fromkeys(PHOTO_EXTENSIONS, _BINARY),
            FORM_TYPE: {"schema": {"type": "object", "properties": {"file": _BINARY["schema"]}}},
        },
    }
}


@router.post(
    "/photos",
    status_code=201,
    openapi_extra=_PHOTO_BODY,
    responses=refusals({413: "the photo is too large", 415: "not a kind of picture taken here"}),
)
async def add_photo(
    request: Request, service: ServiceDep, group_id: UUID | None = None
) -> Answer[PhotoView]:
    """Store a photo, sent as the body itself or as the field `file` of a form.

    The Content-Type says what kind of picture it is; the worker finds out whether that is true.
    Without `group_id` the photo begins a group of its own.
    """
    group = str(group_id or uuid4())
    store = _store_form if media_type(request.headers) == FORM_TYPE else _store_body
    photo = await store(request, service.objects, group)
    await run_in_threadpool(service.catalog.add_photo, photo, service.clock())
    return Answer(data=PhotoView.model_validate(photo, from_attributes=True))


@router.post("/tasks", status_code=201, responses=refusals({404: "no such photo"}))
def add_task(task: NewTask, service: ServiceDep) -> Answer[TaskView]:
    """Put a task at the end of the queue."""
    order = Order(str(task.photo_id), task.prompt, task.frame_num, task.inference_provider)
    return Answer(data=TaskView.of(service.catalog.add_task(order, service.clock())))


@router.get("/tasks")
def list_tasks(
    service: ServiceDep,
    status: Status | None = None,
    after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Answer[TaskPage]:
    """List tasks in the queue's order, oldest first, `limit` at a time."""
    found = service.catalog.tasks(status, after, limit + 1)
    page = [TaskView.of(task) for task in found[:limit]]
    next_after = page[-1].number if len(found) > limit else None
    return Answer(data=TaskPage(tasks=page, next_after=next_after))


@router.get("/tasks/{item_id}", responses=refusals({404: "no such task"}))
def show_task(item_id: UUID, service: ServiceDep) -> Answer[TaskView]:
    """Show one task."""
    return Answer(data=TaskView.of(service.catalog.task(str(item_id))))


@router.post(
    "/tasks/{item_id}/retry",
    responses=refusals({404: "no such task", 409: "the task has not failed"}),
)
def retry_task(item_id: UUID, service: ServiceDep) -> Answer[TaskView]:
    """Make a failed task pending again, in its old place in the queue, its counts back at zero."""
    return Answer(data=TaskView.of(service.catalog.retry(str(item_id))))


@router.get(
    "/tasks/{item_id}/video",
    response_class=FileResponse,
    responses=refusals({404: "no such task, or it is not completed"}),
)
def fetch_video(item_id: UUID, service: ServiceDep) -> FileResponse:
    """Fetch the video of a completed task."""
    if service.catalog.task(str(item_id)).lease.status is not Status.COMPLETED:
        raise NotFound("the task is not completed")
    name = video_name(str(item_id))
    path = service.objects.find(Bucket.VIDEOS, name)
    return FileResponse(path, media_type=VIDEO_TYPE, filename=name)


async def _store_body(request: Request, objects: Objects, group_id: str) -> Photo:
    photo = _new_photo(group_id, media_type(request.headers))
    with await run_in_threadpool(_receive, objects, photo) as incoming:
        await receive_body(request, incoming)
    return photo


async def _store_form(request: Request, objects: Objects, group_id: str) -> Photo:
    async with request.form(max_files=1, max_fields=0) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadRequest("the form has no field `file` with a photo in it")
        photo = _new_photo(group_id, media_type(file.headers))
        with await run_in_threadpool(_receive, objects, photo) as incoming:
            await run_in_threadpool(receive_file, file.file, incoming)
    return photo


def _new_photo(group_id: str, kind: str) -> Photo:
    if kind not in PHOTO_EXTENSIONS:
        raise WrongType(f"photos are taken as {', '.join(PHOTO_EXTENSIONS)}")
    photo_id = str(uuid4())
    return Photo(photo_id, group_id, photo_name(group_id, photo_id, PHOTO_EXTENSIONS[kind]))


def _receive(objects: Objects, photo: Photo) -> Incoming:
    return objects.receive(Bucket.PHOTOS, photo.photo_storage_path)
