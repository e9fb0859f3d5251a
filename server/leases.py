"""Who may work on a task, until when, and what ends it: the decisions, without clock or database.

    pending ── take ──> processing ── settle ──> completed
       ^                 │  ^   │                failed
       │                 │  └───┘ renew, or take again once the lease lapsed
       │                 └── take, after too many lapses ──> failed
       └── retry (by a person) ── failed

A lease that has run out still belongs to its holder until somebody else takes the task: a renewal
or a report that arrives late, but before that, is as good as one in time, and no work is lost to
it. What refuses a worker that lost its task is the `worker_id` alone, so no two workers may share
one.

Times are seconds since the epoch, because leases outlive the server's process.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from server.errors import BadRequest, Conflict, Forbidden, NotFound

MAX_RETRIES = 3
"""A task that failed this often is handed out no more, until a person retries it."""

MAX_LAPSES = 10
"""A task whose workers vanished this often seems to kill them; it fails by itself."""

RELEASE_S = 1
"""The one extension that may shorten a lease: its holder gives the task back."""


class Status(StrEnum):
    """Where a task is."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class Lease:
    """The part of a task that decides who may do what with it.

    `worker_id` stays after the end, so that a repeated report is known as one. `released`: the
    holder gave it back. `lapses` counts the times that a holder let it run out without a word.
    `retry_count` counts the reports of failure.
    """

    status: Status = Status.PENDING
    worker_id: str | None = None
    leased_until_s: float | None = None
    released: bool = False
    lapses: int = 0
    retry_count: int = 0
    error_message: str | None = None


def take(lease: Lease, worker_id: str, duration_s: int, now: float) -> Lease:
    """The lease after `worker_id` took a free task: processing, or failed after too many lapses."""
    lapsed = lease.status is Status.PROCESSING and not lease.released
    lapses = lease.lapses + lapsed
    if lapses >= MAX_LAPSES:
        return replace(
            lease,
            status=Status.FAILED,
            leased_until_s=None,
            lapses=lapses,
            error_message=f"given up: {lapses} workers in a row vanished while they worked on it",
        )
    return replace(
        lease,
        status=Status.PROCESSING,
        worker_id=worker_id,
        leased_until_s=now + duration_s,
        released=False,
        lapses=lapses,
        error_message=None,
    )


def renew(lease: Lease, worker_id: str, extend_s: int, now: float) -> Lease:
    """The lease after its holder asked for `extend_s` more seconds from `now`.

    A renewal never shortens it, except the release. Raises `NotFound` for anybody else.
    """
    if lease.status is not Status.PROCESSING or lease.worker_id != worker_id:
        raise NotFound("no task with this item_id is in work by this worker_id")
    until_s = now + extend_s
    if extend_s == RELEASE_S:
        return replace(lease, leased_until_s=until_s, released=True)
    return replace(lease, leased_until_s=max(lease.leased_until_s or 0, until_s), released=False)


def complete(lease: Lease, worker_id: str, *, stored: bool) -> Lease | None:
    """The lease after its holder reported the video done; None if it had said so before.

    `stored`: the video's object is there. Raises `Forbidden`, `NotFound` or `BadRequest`.
    """
    if _is_repeated(lease, worker_id, Status.COMPLETED):
        return None
    if not stored:
        raise BadRequest("no video is stored for this task; PUT it to its presigned URL first")
    return replace(lease, status=Status.COMPLETED, leased_until_s=None)


def fail(lease: Lease, worker_id: str, error_message: str) -> Lease | None:
    """The lease after its holder reported a failure; None if it had said so before.

    A completed task never becomes a failed one. Raises `Forbidden` or `NotFound`.
    """
    if _is_repeated(lease, worker_id, Status.FAILED):
        return None
    return replace(
        lease,
        status=Status.FAILED,
        leased_until_s=None,
        retry_count=lease.retry_count + 1,
        error_message=error_message,
    )


def retry(lease: Lease) -> Lease:
    """A fresh lease for a failed task, its counts back at zero. Raises `Conflict` for others."""
    if lease.status is not Status.FAILED:
        raise Conflict(f"only a failed task can be retried; this one is {lease.status}")
    return Lease()


def _is_repeated(lease: Lease, worker_id: str, outcome: Status) -> bool:
    if lease.worker_id is not None and lease.worker_id != worker_id:
        raise Forbidden("the task belongs to another worker")
    if lease.worker_id is None:
        raise NotFound("the task is in nobody's work")
    if lease.status is outcome:
        return True
    if lease.status is not Status.PROCESSING:
        raise NotFound(f"the task is no longer in work: it is {lease.status}")
    return False
