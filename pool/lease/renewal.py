"""When a lease is confirmed and renewed, and when its renewal is withheld.

A fresh lease is confirmed by a heartbeat before any work that costs: two pollers can be handed the
same task, and the one that the server forgot learns it here. Later renewals go out only while the
work moves, so that a hung inference loses its lease by itself, with no supervisor's help.
"""

from dataclasses import dataclass

from client.backoff import backoff_s
from pool.lease.lease import MISS_GAP_S, Lease

CONFIRM_AFTER_S = 1.0
"""A lease is confirmed no sooner after it was taken: a rival's update has landed by then."""

CONFIRM_GAP_S = 5.0
"""Between the two confirmations that a paid call needs."""

_RETRY_CAP_S = 30.0


@dataclass(frozen=True)
class RenewalRules:
    """How a lease is kept. `length_s` is what every renewal asks for.

    Asking for the full length each time means that a renewal never shortens a lease, although the
    server sets the lease's end to now plus whatever was asked.
    """

    length_s: int
    interval_s: float
    confirmations: int


@dataclass(frozen=True)
class RenewalAttempts:
    """What became of the renewals since the last one that succeeded."""

    failures: int = 0
    failed_at: float = 0.0
    retry_after_s: float | None = None


def confirmed(lease: Lease, rules: RenewalRules) -> bool:
    """Whether the lease was confirmed often enough to start the work that costs."""
    return lease.confirmations >= rules.confirmations


def next_renewal_at(
    lease: Lease, rules: RenewalRules, attempts: RenewalAttempts, jitter: float
) -> float:
    """The moment at which the next heartbeat is due; `jitter` is in [0, 1)."""
    if attempts.failures:
        wait_s = backoff_s(
            attempts.failures,
            cap_s=min(_RETRY_CAP_S, rules.interval_s),
            jitter=jitter,
            retry_after_s=attempts.retry_after_s,
        )
        if lease.missed_at is not None:
            wait_s = max(wait_s, MISS_GAP_S)
        return attempts.failed_at + wait_s
    if lease.renewed_at is None:
        return lease.answered_at + CONFIRM_AFTER_S
    if not confirmed(lease, rules):
        return lease.renewed_at + CONFIRM_GAP_S
    return lease.renewed_at + rules.interval_s
