"""What can arrive in the loop's inbox, and the inbox itself."""

import queue
from dataclasses import dataclass
from typing import TypeAlias

from client.errors import Unauthorized
from client.wire import Task
from pool.child.poll_gate import Turn
from pool.child.translate import Verdict
from pool.exit_codes import ExitCode
from pool.lease.moves import Outcome
from pool.messages import Level, Message


@dataclass(frozen=True)
class MoveEnded:
    """A lane finished a move of the task numbered `serial`, at `ended_at` (monotonic seconds)."""

    serial: int
    outcome: Outcome
    verdict: Verdict | None
    ended_at: float


@dataclass(frozen=True)
class Stirred:
    """A move shows signs of life: time to look whether the next task is due."""


@dataclass(frozen=True)
class Turned:
    """It is this child's turn to ask the queue; None: the turn cannot be had."""

    turn: Turn | None


@dataclass(frozen=True)
class Polled:
    """A question to the queue was answered. Times are monotonic seconds."""

    task: Task | None
    error: Exception | None
    sent_at: float
    answered_at: float


@dataclass(frozen=True)
class Exit:
    """How the process is to end."""

    code: ExitCode
    reason: str


@dataclass(frozen=True)
class BackendLoaded:
    """The backend is ready, or `failure` says how the process must end."""

    failure: Exit | None


@dataclass(frozen=True)
class KeyRefused:
    """The Worker API was shown the key while the backend loads, and refuses it."""

    error: Unauthorized


@dataclass(frozen=True)
class Ordered:
    """A message from the supervisor."""

    message: Message


@dataclass(frozen=True)
class Signalled:
    """A signal reached this process."""

    number: int


@dataclass(frozen=True)
class Logged:
    """A log line, on its way to the supervisor's terminal."""

    level: Level
    text: str
    item_id: str | None
    once: bool = False


News: TypeAlias = (
    MoveEnded
    | Stirred
    | Turned
    | Polled
    | BackendLoaded
    | KeyRefused
    | Ordered
    | Signalled
    | Logged
)


class Inbox:
    """The one way into the loop. `put` may be called from any thread and any signal handler."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[News] = queue.SimpleQueue()

    def put(self, news: News) -> None:
        """Add news; never blocks."""
        self._queue.put(news)

    def take(self, wait_s: float) -> list[News]:
        """Everything that is there, waiting up to `wait_s` for the first."""
        news: list[News] = []
        try:
            news.append(self._queue.get(timeout=max(0.0, wait_s)))
            while True:
                news.append(self._queue.get_nowait())
        except queue.Empty:
            return news
