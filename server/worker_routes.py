"""The four calls of the Worker API. Plain functions: FastAPI runs each on a worker thread."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Security
from fastapi.security import APIKeyHeader

from server.envelope import STORAGE_PREFIX, Answer, refusals
from server.errors import AlreadyExists, BadRequest, NotFound, Unauthorized
from server.keys import is_authorized
from server.objects import Bucket, video_name, video_storage_path
from server.service import Service, ServiceDep
from server.signing import URL_LIFETIME_S
from server.task_queue import Completed
from server.tasks import Task
from server.worker_messages import (
    HeartbeatRequest,
    LeasedTask,
    NextTaskRequest,
    PresignRequest,
    PresignUpload,
    Renewed,
    ReportCompleted,
    Reported,
    ReportRequest,
    SignedDownload,
    SignedUpload,
)

_header = APIKeyHeader(
    name="Authorization",
    scheme_name="worker",
    description="`Worker <WORKER_API_KEY>`",
    auto_error=False,
)


def _require_worker(service: ServiceDep, header: Annotated[str | None, Security(_header)]) -> None:
    if not is_authorized(header, "Worker", service.keys.worker):
        raise Unauthorized("the worker key is missing or wrong: Authorization: Worker <key>")


router = APIRouter(
    prefix="/api/worker",
    tags=["worker"],
    dependencies=[Depends(_require_worker)],
    responses=refusals({400: "the request is wrong", 401: "the key is missing or wrong"}),
)


@router.post("/next-task")
def next_task(request: NextTaskRequest, service: ServiceDep) -> Answer[LeasedTask | None]:
    """Lease the oldest free task of the worker's kind; `data` is null when there is none.

    Free are pending tasks, and those whose lease has run out. No task is ever leased to two.
    """
    task = service.queue.next_task(
        request.worker_id, request.worker_type, request.lease_duration_seconds, service.clock()
    )
    return Answer(data=task and _leased(task))


@router.post(
    "/presign",
    responses=refusals(
        {404: "no such photo, or no such task in work", 409: "the video is stored already"}
    ),
)
def presign(
    request: Annotated[PresignRequest, Body()], service: ServiceDep
) -> Answer[SignedUpload | SignedDownload]:
    """Sign a URL to GET a photo, or to PUT the video of a task that is in work."""
    if isinstance(request, PresignUpload):
        return Answer(data=_signed_upload(service, request.video_item_id))
    return Answer(data=_signed_download(service, request.storage_path))


@router.post("/heartbeat", responses=refusals({404: "the task is not in this worker's work"}))
def heartbeat(request: HeartbeatRequest, service: ServiceDep) -> Answer[Renewed]:
    """Renew the lease of a task in work.

    A lease is never shortened, except by `extend_seconds: 1`, which gives the task back. One that
    has run out is renewed all the same as long as nobody else has taken the task.
    """
    lease = service.queue.heartbeat(
        request.item_id, request.worker_id, request.extend_seconds, service.clock()
    )
    return Answer(data=Renewed(leased_until=_instant(lease.leased_until_s)))


@router.post(
    "/report",
    responses=refusals(
        {403: "the task belongs to another worker", 404: "no such task, or not in work"}
    ),
)
def report(request: Annotated[ReportRequest, Body()], service: ServiceDep) -> Answer[Reported]:
    """Say how a task ended. The same report sent again is answered the same and changes nothing.

    `completed` needs the stored video. Once a task is completed, `failed` is refused with 404.
    """
    if isinstance(request, ReportCompleted):
        _complete(service, request)
    else:
        service.queue.fail(
            request.item_id, request.worker_id, request.error_message, service.clock()
        )
    return Answer(data=Reported(message=f"Task {request.status}", item_id=request.item_id))


def _leased(task: Task) -> LeasedTask:
    return LeasedTask(
        item_id=task.item_id,
        group_id=task.group_id,
        photo_id=task.photo_id,
        prompt=task.prompt,
        photo_storage_path=task.photo_storage_path,
        leased_until=_instant(task.lease.leased_until_s),
        frame_num=task.frame_num,
        inference_provider=task.inference_provider,
    )


def _signed_download(service: Service, storage_path: str) -> SignedDownload:
    if not service.catalog.has_photo(storage_path):
        raise NotFound("no photo with this storage_path")
    path = f"{STORAGE_PREFIX}{Bucket.PHOTOS}/{storage_path}"
    url = service.signer.url("GET", path, service.clock())
    return SignedDownload(url=url, expires_in=URL_LIFETIME_S)


def _signed_upload(service: Service, item_id: str) -> SignedUpload:
    # Asked first: a worker whose predecessor died between upload and report must learn this
    # before it spends minutes on the same video.
    if service.objects.exists(Bucket.VIDEOS, video_name(item_id)):
        raise AlreadyExists
    if not service.queue.in_work(item_id):
        raise NotFound("no task with this video_item_id is in work")
    storage_path = video_storage_path(item_id)
    url = service.signer.url("PUT", f"{STORAGE_PREFIX}{storage_path}", service.clock())
    return SignedUpload(url=url, expires_in=URL_LIFETIME_S, storage_path=storage_path)


def _complete(service: Service, request: ReportCompleted) -> None:
    if request.video_storage_path != video_storage_path(request.item_id):
        raise BadRequest("video_storage_path is not the one that presign answered for this task")
    outcome = Completed(
        request.video_storage_path, request.veo_operation_id, request.runway_task_id
    )
    # Objects are never removed, so what is stored now is stored inside the transaction too.
    stored = service.objects.exists(Bucket.VIDEOS, video_name(request.item_id))
    service.queue.complete(
        request.item_id, request.worker_id, outcome, service.clock(), stored=stored
    )


def _instant(epoch_s: float | None) -> datetime:
    return datetime.fromtimestamp(epoch_s or 0, UTC)
