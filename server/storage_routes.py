"""Presigned GET and PUT. The URL alone is the permission; no key is asked for."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel

from server.envelope import STORAGE_PREFIX
from server.errors import WrongType
from server.objects import Bucket
from server.service import ServiceDep
from server.upload import VIDEO_TYPE, media_type, receive_body


class StorageRefusal(BaseModel):
    """A refusal in the form that hosted storages use; `statusCode` repeats the HTTP status."""

    statusCode: str  # noqa: N815 (the name on the wire)
    error: str
    message: str


def _require_signature(
    request: Request,
    service: ServiceDep,
    expires: Annotated[str, Query()] = "",
    signature: Annotated[str, Query()] = "",
) -> None:
    path = request.scope["path"]
    service.signer.check(request.method, path, expires, signature, service.clock())


router = APIRouter(
    prefix=STORAGE_PREFIX.rstrip("/"),
    tags=["storage"],
    dependencies=[Depends(_require_signature)],
    responses={
        "default": {"model": StorageRefusal, "description": "refused, with the reason"},
        403: {"model": StorageRefusal, "description": "not signed for this, or expired"},
    },
)

_VIDEO_BODY = {
    "requestBody": {
        "required": True,
        "content": {VIDEO_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/{bucket}/{name:path}", response_class=FileResponse)
def download(bucket: Bucket, name: str, service: ServiceDep) -> FileResponse:
    """Answer a stored object, or the part of it that a Range header names."""
    path = service.objects.find(bucket, name)
    return FileResponse(path, headers={"X-Content-Type-Options": "nosniff"})


@router.put(
    "/{bucket}/{name:path}",
    openapi_extra=_VIDEO_BODY,
    responses={
        409: {"model": StorageRefusal, "description": "stored already"},
        413: {"model": StorageRefusal, "description": "too large"},
        415: {"model": StorageRefusal, "description": "not a video/mp4"},
    },
)
async def upload(bucket: Bucket, name: str, request: Request, service: ServiceDep) -> JSONResponse:
    """Store a video. It becomes visible whole or not at all, and is never overwritten."""
    if media_type(request.headers) != VIDEO_TYPE:
        raise WrongType(f"only {VIDEO_TYPE} is stored here")
    with await run_in_threadpool(service.objects.receive, bucket, name) as incoming:
        await receive_body(request, incoming)
    return JSONResponse({"Key": f"{bucket}/{name}"})
