"""The child's threads and its inbox, as fibers. Same shapes as `pool.child.lanes` and `.news`."""

from collections import deque
from collections.abc import Callable

from pool.child.news import News
from tests.simulation.world import Process, Waiter, World

LAG_S = 0.005
"""How late a main loop may be on an ordinary day: it shares the interpreter with its lanes."""

SLOW_LAG_S = 2.0
"""How late it may be while a library holds the interpreter's lock."""

_LINGERS = 0.1
_LINGERS_S = 0.002


class SimLane:
    """One thread and its queue."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._jobs: deque[Callable[[], None]] = deque()
        self._pending = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` after what was submitted before."""
        self._jobs.append(job)
        self._pending += 1
        if self._pending == 1:
            self._world.spawn(self._run, self._process)

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._pending > 0

    def _run(self) -> None:
        while self._jobs and self._process.alive:
            self._jobs.popleft()()
            if self._world.random.random() < _LINGERS and self._process.alive:
                # The thread is not yet back in its queue when the loop hears of what it did.
                self._world.sleep(_LINGERS_S)
            self._pending -= 1


class SimInbox:
    """The one way into the loop."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._news: list[News] = []
        self._waiter: Waiter | None = None

    def put(self, news: News) -> None:
        """Add news; wakes the loop, sooner or later."""
        if not self._process.alive:
            return
        self._news.append(news)
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            self._world.wake(waiter, True, self._lag_s())

    def take(self, wait_s: float) -> list[News]:
        """Everything that is there, waiting up to `wait_s` for the first."""
        if not self._news:
            self._waiter = self._world.waiter()
            self._world.park(max(0.0, wait_s) + self._lag_s())
            self._waiter = None
        news, self._news = self._news, []
        return news

    def _lag_s(self) -> float:
        slow = self._world.now < self._process.slow_until
        return self._world.random.random() * (SLOW_LAG_S if slow else LAG_S)
