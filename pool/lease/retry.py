"""How long each move is tried again before the task is let go.

A finished video is worth waiting for: what stands between it and its family is tried for half an
hour. A photo that cannot be had costs nothing yet, so the task is soon left to somebody else.
Patience is also what bounds a move that keeps failing while the heartbeats go through.
"""

from dataclasses import dataclass

from client.backoff import backoff_s
from pool.lease.moves import (
    Encode,
    Fault,
    Fetch,
    Infer,
    Move,
    Prepare,
    ProbeUpload,
    ReportCompleted,
    ReportFailed,
    Store,
)

_CAP_S = 30.0

PATIENCE_S: dict[type[Move], float] = {
    ProbeUpload: 60.0,
    Fetch: 300.0,
    Prepare: 0.0,
    Infer: 0.0,
    Encode: 30.0,
    Store: 1800.0,
    ReportCompleted: 1800.0,
    ReportFailed: 600.0,
}
"""Seconds from a move's first failure to the one after which it is not tried again."""

PROBE_ATTEMPTS = 4
"""Refusals to sign an upload, without a reason, after which the object is presumed to exist.

The server turns "the object exists" into a plain 500, the same as any trouble of its own. It also
signs the object before it takes a `completed`, so a report for an object that is not there fails:
the report itself is the existence check.
"""

PRESUMPTIONS = 5
"""How often a video whose upload got no answer is looked for in this way, under one lease."""

PRESUMED_ATTEMPTS = 3
"""Reports for a presumed object, at each place where it may lie, before the task is let go."""

ABSENT_GAP_S = 60.0
"""Two answers that a photo is not there count only when they are this far apart.

A storage that is moved, or looked for in the wrong place, says it of every photo for a while.
Leases that are renewed more often are too short for a whole minute: an interval does there.
"""


@dataclass(frozen=True)
class Retry:
    """The failures of one move in a row. Times are monotonic seconds.

    `unsigned` and `absent` count those among them that such a fault was the reason of.
    """

    failures: int = 0
    first_at: float = 0.0
    next_at: float = 0.0
    unsigned: int = 0
    absent: int = 0

    def failed(
        self,
        fault: Fault,
        now: float,
        *,
        jitter: float,
        retry_after_s: float | None,
        renewal_interval_s: float,
    ) -> "Retry":
        """The same row, one failure longer; `jitter` is in [0, 1)."""
        failures = self.failures + 1
        wait_s = backoff_s(failures, cap_s=_CAP_S, jitter=jitter, retry_after_s=retry_after_s)
        if fault is Fault.ABSENT:
            wait_s = max(wait_s, min(ABSENT_GAP_S, renewal_interval_s))
        first_at = now if self.failures == 0 else self.first_at
        return Retry(
            failures=failures,
            first_at=first_at,
            next_at=now + wait_s,
            unsigned=self.unsigned + (fault is Fault.UNSIGNED),
            absent=self.absent + (fault is Fault.ABSENT),
        )

    def exhausted(self, move: Move) -> bool:
        """Whether the next attempt would come after the patience for `move` has run out."""
        return self.next_at - self.first_at > PATIENCE_S[type(move)]
