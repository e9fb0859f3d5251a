"""One request and its answer, under one attempt's limits. Shared by the API and the storage."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import requests
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from client.attempt import CURRENT, Attempt
from client.errors import Transient, UnsafeUrl
from client.received import Received, retry_after_s
from client.translation import translated

_READ_BYTES = 65_536


class Answer:
    """An answer whose headers have come; its body is still on the wire. Close it: `with`."""

    def __init__(self, response: requests.Response, attempt: Attempt) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.expected_bytes: int | None = response.raw.length_remaining
        self._raw = response.raw
        self._attempt = attempt

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case; empty when there is none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def chunks(self) -> Iterator[bytes]:
        """The body, as it comes in. Raises Transient, also when it ends early."""
        while chunk := translated(self._attempt, self._next_chunk):
            yield chunk

    def _next_chunk(self) -> bytes:
        self._attempt.left_s()  # a body that is there already is stopped as well
        chunk: bytes = self._raw.read1(_READ_BYTES, decode_content=False)
        return chunk

    def received(self, limit_bytes: int, *, whole: bool = True) -> Received:
        """The answer with its body.

        Raises Transient when the body is larger than the limit or ends early; with `whole=False`,
        for an answer whose status says enough, such a body is cut instead.
        """
        body = bytearray()
        try:
            for chunk in self.chunks():
                body += chunk
                if len(body) > limit_bytes:
                    raise Transient(
                        f"{self._attempt.what}: the answer is larger than {limit_bytes} bytes",
                        maybe_done=True,
                    )
        except Transient:
            if whole:
                raise
        wait_s = retry_after_s(self.headers.get("Retry-After", ""), self.headers.get("Date", ""))
        return Received(self.status, self.content_type, bytes(body[:limit_bytes]), wait_s)


def exchange(
    session: requests.Session,
    attempt: Attempt,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    data: Any = None,
) -> Answer:
    """Send one request; the answer, whatever its status, unless it is a redirect.

    Raises `Transient` without an answer, `TransferStopped`, and `UnsafeUrl` on a redirect: even
    within one host none is expected, and following one would send the key or the photo's URL on.
    """
    token = CURRENT.set(attempt)
    try:
        response = translated(
            attempt,
            lambda: session.request(
                method, url, headers=headers, data=data, stream=True, allow_redirects=False
            ),
        )
    finally:
        CURRENT.reset(token)
    if 300 <= response.status_code < 400:
        response.close()
        target = _host_of(response.headers.get("Location", ""))
        raise UnsafeUrl(f"{attempt.what}: the server redirects to {target}, which is not followed")
    return Answer(response, attempt)


def _host_of(location: str) -> str:
    try:
        host = parse_url(location).host
    except LocationParseError:
        return "a place that is no URL"
    return host if host and len(host) <= 253 and host.isprintable() else "another path of its own"
