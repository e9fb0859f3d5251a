"""The Worker API in the domain's verbs. Each is one attempt, with one typed outcome.

Used by several of a child's lanes at the same time: polls, heartbeats, signatures and reports.
"""

from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from client import answers, wire
from client.addresses import admitted
from client.attempt import Attempt
from client.base_url import endpoint_root, is_loopback_host
from client.exchange import exchange
from client.redact import redacted

T = TypeVar("T")

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""A prompt of a megabyte must come through, so that its task can be reported failed."""

MAX_REASON_CHARS = 500


class WorkerApi:
    """One worker's side of the queue.

    `url` is the API's address with or without `/api`; ValueError when it cannot be used, or when
    the key could not be sent in a header. `timeout_s` bounds each call as a whole, from the look-up
    of the name to the last byte of the answer. `transport` comes from `build_session`.

    Every verb may raise `Transient`, `Unauthorized`, `NotYours`, `Rejected` and, on a redirect,
    `UnsafeUrl`; those that name an item also `NoSuchLease`.
    """

    def __init__(
        self,
        url: str,
        key: str,
        worker_type: wire.WorkerType,
        timeout_s: float,
        transport: requests.Session,
    ) -> None:
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("The worker's key is empty or holds a character no header may hold.")
        self._root = endpoint_root(url)
        self._origin = urlsplit(self._root)
        self._key = key
        self._worker_type = worker_type
        self._timeout_s = timeout_s
        self._transport = transport

    @property
    def on_loopback(self) -> bool:
        """Whether the API is on this machine, which is what `Storage` needs to know."""
        return is_loopback_host(self._origin.hostname or "")

    def next_task(self, worker_id: str, lease_duration_s: int) -> wire.Task | None:
        """Lease a task; None when there is none.

        After a Transient with `maybe_done`, a task may be leased to `worker_id` without our knowing
        which. A 500 is such a case too: the server sends it also after it has leased.
        """
        ask = wire.NextTask(worker_id, lease_duration_s, self._worker_type)
        return self._call(ask, answers.NEXT_TASK)

    def renew(self, item_id: str, worker_id: str, extend_s: int) -> datetime | None:
        """Set the lease's end to `extend_s` from now, also where that is sooner than it was.

        Returns that end by the server's clock, where the server says it: for display only.
        """
        return self._call(wire.Heartbeat(item_id, worker_id, extend_s), answers.RENEW)

    def sign_download(self, storage_path: str) -> wire.SignedDownload:
        """A URL to read a photo from.

        Raises `ObjectMissing` when the API passes on the storage's words that there is none, and
        `Unsigned` when it signs none without them.
        """
        return self._call(wire.PresignDownload(storage_path), answers.SIGN_DOWNLOAD)

    def sign_upload(self, item_id: str) -> wire.SignedUpload:
        """A URL to store the item's video at. Raises `AlreadyStored` when the API says it exists.

        Not every server says why it cannot sign: then `Unsigned` is raised.
        """
        return self._call(wire.PresignUpload(item_id), answers.SIGN_UPLOAD)

    def report_completed(
        self, item_id: str, worker_id: str, storage_path: str, runway_task_id: str | None = None
    ) -> None:
        """Say that the video lies at `storage_path`, the one that `sign_upload` gave."""
        ask = wire.ReportCompleted(item_id, worker_id, storage_path, runway_task_id)
        self._call(ask, answers.REPORT)

    def report_failed(self, item_id: str, worker_id: str, reason: str) -> None:
        """Say that the task itself is at fault. The reason is cleaned of secrets, and shortened."""
        said = redacted(reason, MAX_REASON_CHARS, (self._key,))
        self._call(wire.ReportFailed(item_id, worker_id, said), answers.REPORT)

    def _call(self, ask: wire.WireRequest, reading: answers.Reading[T]) -> T:
        attempt = Attempt(
            f"{ask.verb} at {self._origin.netloc}",
            total_s=self._timeout_s,
            idle_s=self._timeout_s,
            admits=admitted(plain=self._origin.scheme == "http", inward=True),
        )
        headers = {"Authorization": f"Worker {self._key}", "Content-Type": "application/json"}
        with exchange(
            self._transport,
            attempt,
            "POST",
            f"{self._root}/{ask.verb}",
            headers=headers,
            data=wire.encoded(ask),
        ) as answer:
            received = answer.received(MAX_ANSWER_BYTES)
        return answers.understood(attempt.what, reading, received, self._key)
