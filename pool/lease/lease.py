"""What a child may still believe about its lease.

The server answers 404 for a lost lease and for any database error alike, so one 404 proves nothing;
and it never tells a worker that its lease ran out, so the child keeps a deadline of its own. The
deadline counts from the moment the last successful request was *sent*: the server's clock started
no earlier than that.
"""

from dataclasses import dataclass, replace

MISS_GAP_S = 2.0
"""Two 404s count as a loss only when they are at least this far apart."""

_MARGIN_SHARE = 0.1
_MARGIN_CAP_S = 30.0


def margin_s(length_s: float) -> float:
    """How long before the server's own expiry we stop believing in a lease of `length_s`."""
    return min(_MARGIN_CAP_S, length_s * _MARGIN_SHARE)


@dataclass(frozen=True)
class Lease:
    """One lease as seen from here. All times are monotonic seconds.

    `lost` says in words why the lease is gone; None while it is held.
    """

    deadline: float
    answered_at: float
    confirmations: int = 0
    renewed_at: float | None = None
    missed_at: float | None = None
    lost: str | None = None

    @classmethod
    def taken(cls, *, sent_at: float, answered_at: float, length_s: float) -> "Lease":
        """The lease that a successful next-task call gave."""
        return cls(deadline=sent_at + length_s - margin_s(length_s), answered_at=answered_at)

    def renewed(self, *, sent_at: float, answered_at: float, extend_s: float) -> "Lease":
        """The same lease after a 200 heartbeat.

        An answer that arrives after the deadline still proves that the lease was ours, but by then
        the work has been dropped: a lost lease stays lost.
        """
        if self.lost is not None:
            return self
        return replace(
            self,
            deadline=sent_at + extend_s - margin_s(extend_s),
            confirmations=self.confirmations + 1,
            renewed_at=answered_at,
            missed_at=None,
        )

    def missed(self, at: float) -> "Lease":
        """The same lease after a 404: doubted, or lost if it was doubted long enough ago."""
        if self.lost is not None:
            return self
        if self.missed_at is None:
            return replace(self, missed_at=at)
        if at - self.missed_at < MISS_GAP_S:
            return self
        return replace(self, lost="the server no longer knows this lease (two 404s)")

    def refused(self) -> "Lease":
        """The same lease after a 403: another worker holds the task."""
        return self if self.lost else replace(self, lost="another worker holds the task (403)")

    def at(self, now: float) -> "Lease":
        """The same lease at `now`: lost once its deadline has passed."""
        if self.lost is not None or now < self.deadline:
            return self
        return replace(self, lost="its deadline passed without a successful renewal")

    def remaining_s(self, now: float) -> float:
        """Seconds until the local deadline, never negative."""
        return max(0.0, self.deadline - now)
