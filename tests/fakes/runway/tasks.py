"""The tasks of the fake Runway, each following a script: one look at it, one line of the script."""

import threading
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LIVE = ("PENDING", "THROTTLED", "RUNNING")


@dataclass(frozen=True)
class Look:
    """What one look at a task shows. The last line of a script stays."""

    status: str
    progress: float = 0.0
    code: str | None = None
    failure: str = "An unexpected error occurred."
    credits_charged: int | None = None
    output: tuple[str, ...] | None = None


def working() -> tuple[Look, ...]:
    """The script of a task that goes well."""
    return (Look("PENDING"), Look("RUNNING", 0.25), Look("RUNNING", 0.75), Look("SUCCEEDED"))


def failed(code: str | None, failure: str = "An unexpected error occurred.") -> tuple[Look, ...]:
    """The script of a task that fails and is paid back."""
    return (Look("RUNNING", 0.5), Look("FAILED", code=code, failure=failure, credits_charged=0))


@dataclass
class Task:
    """One task. `body` is what its create said; `key` who made it."""

    task_id: str
    key: str
    body: Mapping[str, Any]
    script: deque[Look]
    credits_estimated: float
    looks: int = 0
    cancelled_from: str | None = None
    deleted: bool = False

    @property
    def status(self) -> str:
        return "CANCELLED" if self.cancelled_from else self.script[0].status

    def look(self) -> Look:
        """The next line of the script."""
        self.looks += 1
        if self.cancelled_from:
            return Look("CANCELLED", credits_charged=0)
        seen = self.script[0]
        if len(self.script) > 1:
            self.script.popleft()
        return seen


@dataclass
class Tasks:
    """Every task, oldest first. Used by the threads of all connections."""

    all: list[Task] = field(default_factory=list)
    scripts: deque[tuple[Look, ...]] = field(default_factory=deque)
    usual: tuple[Look, ...] = field(default_factory=working)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, key: str, body: Mapping[str, Any], credits_estimated: float) -> Task:
        """A new task, with the next script that was laid out, else the usual one."""
        with self.lock:
            script = self.scripts.popleft() if self.scripts else self.usual
            task = Task(str(uuid.uuid4()), key, body, deque(script), credits_estimated)
            self.all.append(task)
            return task

    def get(self, task_id: str) -> Task | None:
        """A task that was not deleted."""
        with self.lock:
            found = (t for t in self.all if t.task_id == task_id and not t.deleted)
            return next(found, None)

    def remove(self, task_id: str) -> None:
        """Cancel a live task, delete another; one that is not there is no error."""
        task = self.get(task_id)
        if task is None:
            return
        with self.lock:
            if task.status in LIVE:
                task.cancelled_from = task.status
            else:
                task.deleted = True
