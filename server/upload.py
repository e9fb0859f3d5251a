"""Carries a request's body, or one file of a form, to an object on its way in.

The event loop reads the socket; every write goes to a worker thread, so that a slow disk holds up
nobody else's request.
"""

from typing import BinaryIO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from server.errors import BadRequest
from server.objects import Incoming

VIDEO_TYPE = "video/mp4"

_CHUNK_BYTES = 1024 * 1024


def media_type(headers: Headers) -> str:
    """The Content-Type without its parameters, in lower case; "" if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def receive_body(request: Request, incoming: Incoming) -> None:
    """Store the request's whole body. Raises `BadRequest` if it is empty or breaks off.

    A body that is shorter than its Content-Length breaks off too: the HTTP parser sees to that.
    """
    try:
        async for chunk in request.stream():
            await run_in_threadpool(incoming.write, chunk)
    except ClientDisconnect:
        raise BadRequest("the connection closed before the whole file had arrived") from None
    await run_in_threadpool(_keep, incoming)


def receive_file(file: BinaryIO, incoming: Incoming) -> None:
    """Store a file that a form brought along. Blocks. Raises `BadRequest` if it is empty."""
    while chunk := file.read(_CHUNK_BYTES):
        incoming.write(chunk)
    _keep(incoming)


def _keep(incoming: Incoming) -> None:
    if incoming.size_bytes == 0:
        raise BadRequest("the file is empty")
    incoming.keep()
