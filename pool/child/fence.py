"""What keeps a worker that lost its lease from sending anything more for the task.

The loop decides that a lease is lost, but a request may be about to leave on another thread at that
very moment, or the whole process may have been stopped and woken long after. So every request asks
the fence first, and the fence looks at the clock itself.
"""

from collections.abc import Callable

from inference.backend import CancelToken
from pool.errors import LeaseLost


class Fence:
    """Open while the lease is held. Written by the main thread, read by every lane.

    `deadline` is the lease's local deadline in monotonic seconds.
    """

    def __init__(self, deadline: float, clock: Callable[[], float]) -> None:
        self.deadline = deadline
        self._clock = clock
        self._shut = False

    @property
    def cancel(self) -> CancelToken:
        """What a backend asks.

        It stops the work, and the paid call that the work is about to make, at the deadline too,
        even while the loop has not noticed yet. Made anew each time: the two holding each other
        would keep every task's remains until the garbage collector comes by.
        """
        return _UntilTheDeadline(self)

    def close(self) -> None:
        """Let nothing more through, and stop the work within a step."""
        self._shut = True

    @property
    def closed(self) -> bool:
        """Whether nothing more may be sent."""
        return self._shut or self.expired

    @property
    def expired(self) -> bool:
        """Whether the local deadline has passed."""
        return self._clock() >= self.deadline

    def check(self) -> None:
        """Raise `LeaseLost` when nothing more may be sent."""
        if self.closed:
            raise LeaseLost("the lease is no longer held")


class _UntilTheDeadline(CancelToken):
    def __init__(self, fence: Fence) -> None:
        super().__init__()
        self._fence = fence

    def cancel(self) -> None:
        """Close the fence."""
        self._fence.close()

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop: asked to, or past the lease's deadline."""
        return self._fence.closed
