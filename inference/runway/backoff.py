"""How long to wait before Runway is asked again. Pure."""

LONGEST_S = 60.0
"""No wait is longer, whatever Runway asks for, but for its jitter."""


def again_after_s(
    first_s: float, failures: int, asked_s: float | None, jitter_share: float
) -> float:
    """The wait after so many failures in a row, the first of which costs `first_s`.

    It doubles with each, and is at least what Runway asked for (`asked_s`). `jitter_share` of it is
    added, so that children that failed together do not come back together.
    """
    doubled_s = first_s * 2.0 ** min(failures - 1, 30)  # a float has an end
    return min(max(doubled_s, asked_s or 0.0), LONGEST_S) * (1 + jitter_share)
