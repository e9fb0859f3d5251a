"""Bounds what a request may send, and listens to the end before it answers.

FastAPI's own limit answers in plain text, outside the envelope, and closes at once. A refusal that
is sent while the client still writes is often lost to it: the kernel resets the connection, and the
client sees a broken pipe in place of "413" or "Duplicate". So what remains of the body is read and
thrown away first, up to the limit once more.
"""

from collections.abc import Callable

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LimitFor = Callable[[str], int]
"""The largest body, in bytes, that a path takes."""


class BodyLimit:
    """ASGI middleware. Runs on the event loop, once for each request."""

    def __init__(self, app: ASGIApp, limit_for: LimitFor) -> None:
        self._app = app
        self._limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body metered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        body = _Body(receive, self._limit_for(scope["path"]), int(declared))

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.drain()
            await send(message)

        await self._app(scope, body.receive, send_after_body)


class _Body:
    def __init__(self, receive: Receive, limit_bytes: int, declared_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._declared_bytes = declared_bytes
        self._received_bytes = 0
        self._ended = False

    async def receive(self) -> Message:
        """The next message. Raises `HTTPException`, the only kind FastAPI lets through here."""
        self._check(self._declared_bytes)
        message = await self._next()
        self._check(self._received_bytes)
        return message

    async def drain(self) -> None:
        while not self._ended and self._received_bytes <= 2 * self._limit_bytes:
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        return message

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit_bytes:
            raise HTTPException(413, f"the body is larger than {self._limit_bytes} bytes")
