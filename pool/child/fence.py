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
        self.cancel = CancelToken()
        self._clock = clock

    def close(self) -> None:
        """Let nothing more through, and stop the work within a step."""
        self.cancel.cancel()

    @property
    def closed(self) -> bool:
        """Whether nothing more may be sent."""
        return self.cancel.cancelled or self.expired

    @property
    def expired(self) -> bool:
        """Whether the local deadline has passed."""
        return self._clock() >= self.deadline

    def check(self) -> None:
        """Raise `LeaseLost` when nothing more may be sent."""
        if self.closed:
            raise LeaseLost("the lease is no longer held")
