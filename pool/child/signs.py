"""A task's signs of life, on their way from its lanes to the main thread."""

from collections import deque
from collections.abc import Callable, Iterator

from pool.child.news import Inbox, Stirred

_KEPT = 1000
_STIR_S = 0.1
"""Signs of life wake the loop no oftener than this: a transfer shows thousands."""


class Signs:
    """Noted on lanes, taken by the main thread, to which the job belongs.

    The lanes hold these and not the task itself: a task that its own tools refer to would be freed
    by the garbage collector alone, long after its end.
    """

    def __init__(self, clock: Callable[[], float], inbox: Inbox) -> None:
        self._clock = clock
        self._inbox = inbox
        self._stirred_at = 0.0
        self._signs: deque[tuple[float, int, int]] = deque(maxlen=_KEPT)

    def note(self, done: int, total: int) -> None:
        """Something was done just now, out of so much; the loop is woken if it was not lately."""
        now = self._clock()
        self._signs.append((now, done, total))
        if now - self._stirred_at >= _STIR_S:
            self._stirred_at = now
            self._inbox.put(Stirred())

    def take(self) -> Iterator[tuple[float, int, int]]:
        """What came since the last call: when, how much, out of how much."""
        while self._signs:
            yield self._signs.popleft()
