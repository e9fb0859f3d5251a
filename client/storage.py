"""The storage behind presigned URLs: one photo down, one video up.

Runs on a child's lanes for fetching and delivering, which may be in it at the same time and share
the session with those that call the Worker API. Never sends the worker's key, and knows none.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import requests

from client.addresses import admitted
from client.attempt import Attempt
from client.errors import ObjectTooLarge, Transient
from client.exchange import Answer, exchange
from client.storage_answers import refusal
from client.storage_url import storage_target

TransferProgress = Callable[[int, int], None]
"""`progress(bytes_done, bytes_total)`: called as bytes move; the total is 0 while unknown."""

_REFUSAL_BYTES = 64 * 1024
_SEND_BYTES = 64 * 1024
_PAGE = "a web page instead of the storage's answer"


class Storage:
    """Reads and writes whole objects. One call is one attempt.

    `api_on_loopback` says that the Worker API is on this machine; only then may a URL lead to an
    inward address, or be plain http (to loopback). The other side may be silent for
    `idle_timeout_s`, and a transfer must be over within `total_timeout_s`.

    Both calls raise, of `client.errors`, Transient, UrlExpired, ObjectMissing, ObjectTooLarge,
    StorageRefused, UnsafeUrl and TransferStopped; and OSError when the local file cannot be read or
    written (a full disk), since that is no fault of the other side's.
    """

    def __init__(
        self,
        transport: requests.Session,
        *,
        api_on_loopback: bool,
        idle_timeout_s: float = 60.0,
        total_timeout_s: float = 1800.0,
    ) -> None:
        self._transport = transport
        self._api_on_loopback = api_on_loopback
        self._idle_timeout_s = idle_timeout_s
        self._total_timeout_s = total_timeout_s

    def fetch(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        progress: TransferProgress,
        stop: Callable[[], bool],
    ) -> int:
        """Download to `target`, which appears whole or not at all; returns its size in bytes.

        Raises `ObjectTooLarge` as soon as more than `max_bytes` are announced or received, and
        Transient when the answer ends early or is a web page.
        """
        attempt = self._attempt("download", url, stop)
        with exchange(self._transport, attempt, "GET", url, headers={}) as answer:
            _require_object(attempt.what, answer)
            with _whole_or_nothing(target) as file:
                return _copied(attempt.what, answer, file, max_bytes, progress)

    def store(
        self,
        url: str,
        source: Path,
        *,
        content_type: str = "video/mp4",
        progress: TransferProgress,
        stop: Callable[[], bool],
    ) -> None:
        """Upload `source`, which must not be empty. Raises `AlreadyStored` when there is one."""
        attempt = self._attempt("upload", url, stop)
        body = _UploadBody(source, progress)
        headers = {"Content-Type": content_type}
        try:
            with exchange(
                self._transport, attempt, "PUT", url, headers=headers, data=body
            ) as answer:
                received = answer.received(_REFUSAL_BYTES, whole=False)
        except _LocalFailure as failed:
            raise failed.error from None
        if not received.ok:
            raise refusal(attempt.what, received)
        if received.is_page:
            raise Transient(f"{attempt.what}: {_PAGE}", maybe_done=True)

    def _attempt(self, verb: str, url: str, stop: Callable[[], bool]) -> Attempt:
        host, plain = storage_target(url, api_on_loopback=self._api_on_loopback)
        return Attempt(
            f"{verb} at {host}",
            total_s=self._total_timeout_s,
            idle_s=self._idle_timeout_s,
            admits=admitted(plain=plain, inward=self._api_on_loopback),
            stop=stop,
        )


def _require_object(what: str, answer: Answer) -> None:
    if answer.status != HTTPStatus.OK:
        raise refusal(what, answer.received(_REFUSAL_BYTES, whole=False))
    if answer.content_type == "text/html":
        raise Transient(f"{what}: {_PAGE}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Transient(f"{what}: the object came packed, though that was not asked for")


def _copied(
    what: str, answer: Answer, file: BinaryIO, max_bytes: int, progress: TransferProgress
) -> int:
    total = answer.expected_bytes or 0
    too_large = ObjectTooLarge(f"{what}: the object is larger than {max_bytes} bytes")
    if total > max_bytes:
        raise too_large
    done = 0
    for chunk in answer.chunks():
        done += len(chunk)
        if done > max_bytes:
            raise too_large
        file.write(chunk)
        progress(done, total)
    return done


@contextlib.contextmanager
def _whole_or_nothing(target: Path) -> Iterator[BinaryIO]:
    """A file that becomes `target` when the block ends well, and vanishes when it does not."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _LocalFailure(Exception):
    """Carries an OSError of this machine past urllib3, which would take it for the network's."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error


class _UploadBody:
    """A file as a request's body: its length is known, so it is not sent in chunked encoding."""

    def __init__(self, source: Path, progress: TransferProgress) -> None:
        self._source = source
        self._progress = progress
        self._size_bytes = source.stat().st_size
        if self._size_bytes == 0:
            raise ValueError(f"{source.name} is empty; there is nothing to upload")

    def __len__(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        try:
            with self._source.open("rb") as file:
                while chunk := file.read(_SEND_BYTES):
                    yield chunk
                    done += len(chunk)
                    self._progress(done, self._size_bytes)
        except OSError as error:
            raise _LocalFailure(error) from None
