"""How long to wait before the next attempt."""

RETRY_AFTER_CAP_S = 300.0
"""The longest wait that the other side can ask for: a hostile or mistaken header stops no pool."""

_JITTER_SHARE = 0.25


def backoff_s(
    attempt: int,
    *,
    base_s: float = 1.0,
    cap_s: float = 60.0,
    jitter: float,
    retry_after_s: float | None = None,
) -> float:
    """The wait after the `attempt`-th failure in a row, counted from 1: base, twice that, … cap.

    `jitter` in [0, 1) adds up to a quarter, above the cap too, so that children that all reached
    the cap do not come back together. A wait asked for by the other side is honoured up to
    RETRY_AFTER_CAP_S when it is the longer one.
    """
    doublings = min(max(attempt, 1) - 1, 62)  # a float holds no 2 ** 10_000
    wait_s = min(cap_s, base_s * 2.0**doublings)
    if retry_after_s is not None:
        wait_s = max(wait_s, min(retry_after_s, RETRY_AFTER_CAP_S))
    return wait_s * (1 + _JITTER_SHARE * jitter)
