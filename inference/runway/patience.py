"""Calls that may block for longer than we are willing to wait.

A timeout given to requests holds for one read, so a server that sends a byte a second keeps such a
call for ever, and nothing can interrupt it. Here a call runs on a thread of its own, and whoever
waits for it waits with a deadline and looks at `stop` meanwhile. A call that is given up is left
behind: it sees `abandoned` turn true, and its socket's own timeouts end it.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_EVERY_S = 0.05


class GivenUp(Exception):
    """The call took longer than its total, or its caller was asked to stop."""


class Abandoned:
    """Whether nobody waits for the call any more. Set by the waiting thread, read by the call."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> bool:
        """Whether the call may end, since nobody wants its result."""
        return self._event.is_set()

    def declare(self) -> None:
        """Give the call up."""
        self._event.set()


@dataclass(frozen=True)
class _Ended(Generic[T]):
    result: T | None = None
    error: BaseException | None = None


def never() -> bool:
    """The `stop` of a call that nobody interrupts."""
    return False


def patiently(
    act: Callable[[Abandoned], T],
    total_s: float,
    stop: Callable[[], bool] = never,
    grace_s: float = 0.0,
) -> T:
    """The result of `act`, or what it raised.

    Raises `GivenUp` after `total_s`, or `grace_s` after `stop` has turned true.
    """
    abandoned, ends = Abandoned(), queue.SimpleQueue[_Ended[T]]()
    thread = threading.Thread(
        target=lambda: ends.put(_tried(act, abandoned)), name="runway-call", daemon=True
    )
    thread.start()
    deadline = time.monotonic() + total_s
    try:
        ended = _awaited(ends, deadline, stop, grace_s)
    except BaseException:
        abandoned.declare()
        raise
    if ended.error is not None:
        raise ended.error
    return ended.result  # type: ignore[return-value]  # T itself may be Optional


def _tried(act: Callable[[Abandoned], T], abandoned: Abandoned) -> _Ended[T]:
    try:
        return _Ended(result=act(abandoned))
    except BaseException as error:  # noqa: BLE001 -- raised again on the thread that waits for it
        return _Ended(error=error)


def _awaited(
    ends: "queue.SimpleQueue[_Ended[T]]",
    deadline: float,
    stop: Callable[[], bool],
    grace_s: float,
) -> _Ended[T]:
    while True:
        try:
            return ends.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            now = time.monotonic()
        if stop():
            deadline, stop = min(deadline, now + grace_s), never
        if now >= deadline:
            raise GivenUp
