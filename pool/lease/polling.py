"""When the pool may ask for its next task.

The server's next-task is not atomic: two questions at the same moment can be answered with the
same task. So a pool asks one question at a time, and an empty queue is asked once per interval by
the whole pool, however many children are idle. The state below is shared by the children of one
pool (`pool.child.poll_gate` keeps it under a lock); each of them reads it, asks, and writes what
follows.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from client.backoff import backoff_s

_JITTER_SHARE = 0.02
_FAILURE_CAP_S = 60.0
UNAUTHORIZED_WAIT_S = 60.0
"""A key that was refused after it had worked is tried again this seldom."""


class Answer(StrEnum):
    """What came of one question."""

    TASK = "task"
    EMPTY = "empty"
    FAILED = "failed"
    UNAUTHORIZED = "unauthorized"
    NOT_OURS = "not_ours"
    """A task of the other worker type: given back, and not asked for again at once."""


@dataclass(frozen=True)
class PollRules:
    """Seconds between two questions to an empty queue.

    `fast_s` holds for `fast_for_s` after the last task was found, `slow_s` from then on; both are
    `interval_s` unless the settings say otherwise.
    """

    interval_s: float
    fast_s: float
    slow_s: float
    fast_for_s: float

    def empty_wait_s(self, since_task_s: float | None) -> float:
        """The wait after an empty answer, `since_task_s` after the last task that was found."""
        if since_task_s is not None and since_task_s < self.fast_for_s:
            return self.fast_s
        return self.slow_s


@dataclass(frozen=True)
class PollState:
    """What a pool knows of its own questions. Times are monotonic seconds of this boot.

    `refused_since`: from when on the Worker API refuses the key (401).
    """

    next_at: float = 0.0
    found_at: float | None = None
    empty_since: float | None = None
    failures: int = 0
    refused_since: float | None = None

    def after(
        self,
        answer: Answer,
        now: float,
        rules: PollRules,
        *,
        jitter: float,
        retry_after_s: float | None = None,
    ) -> "PollState":
        """The state after one question; `jitter` is in [0, 1)."""
        match answer:
            case Answer.TASK:
                return PollState(next_at=now, found_at=now)
            case Answer.EMPTY:
                since = None if self.found_at is None else now - self.found_at
                wait_s = rules.empty_wait_s(since) * (1 + _JITTER_SHARE * jitter)
                since_empty = now if self.empty_since is None else self.empty_since
                return PollState(now + wait_s, self.found_at, since_empty)
            case Answer.NOT_OURS:
                next_at = now + rules.interval_s
                return replace(self, next_at=next_at, failures=0, refused_since=None)
            case Answer.UNAUTHORIZED:
                wait_s = max(UNAUTHORIZED_WAIT_S, rules.interval_s)
                since = now if self.refused_since is None else self.refused_since
                failures = self.failures + 1
                return replace(self, next_at=now + wait_s, failures=failures, refused_since=since)
            case Answer.FAILED:
                failures = self.failures + 1
                wait_s = backoff_s(
                    failures, cap_s=_FAILURE_CAP_S, jitter=jitter, retry_after_s=retry_after_s
                )
                return replace(self, next_at=now + wait_s, failures=failures)
