"""Time, chance, and who runs when."""

import heapq
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from greenlet import GreenletExit, getcurrent, greenlet


class Process:
    """Something that can be stopped and killed as a whole. Its clock is its host's.

    Until `frozen_until` nothing of it runs; until `slow_until` its main loop is late by
    `lag_s` at most.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self.name = name
        self.clock = clock
        self.alive = True
        self.frozen_until = 0.0
        self.slow_until = 0.0
        self.fibers: dict[greenlet, None] = {}


class Waiter(NamedTuple):
    """One wait of one fiber. Waking it twice, or too late, changes nothing."""

    fiber: "Fiber"
    ticket: int


class Fiber(greenlet):
    """What runs as one thread does. `process` None: it belongs to the world outside the pools."""

    def __init__(self, body: Callable[[], None], parent: greenlet, process: Process | None) -> None:
        super().__init__(body, parent)
        self.process = process
        self.ticket = 0


class World:
    """The scheduler. `now` is in seconds; `random` is the only source of chance in a run."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self.events = 0
        self.over = False
        self._hub = getcurrent()
        self._due: list[tuple[float, float, int, Process | None, Callable[..., None], Any]] = []
        self._number = 0

    def run(self) -> None:
        """Let the world go on until `over` is set, or nothing is left to happen."""
        due, pop = self._due, heapq.heappop
        while due and not self.over:
            when, _, _, process, act, args = pop(due)
            if process is not None:
                if not process.alive:
                    continue
                if process.frozen_until > when:
                    self.at(process.frozen_until, process, act, *args)
                    continue
            self.now = when
            self.events += 1
            act(*args)

    def end(self) -> None:
        """Unwind every fiber that is still there, so that none is left to the collector."""
        processes = {id(p): p for entry in self._due if (p := entry[3]) is not None}
        for process in processes.values():
            process.alive = False
            self._reap(process)
        self._due.clear()

    def at(
        self, when: float, process: Process | None, act: Callable[..., None], *args: Any
    ) -> None:
        """Call `act` in the hub at `when`: later while `process` is frozen, never once it is dead.

        `act` must not block.
        """
        self._number += 1
        heapq.heappush(self._due, (when, self.random.random(), self._number, process, act, args))

    def spawn(
        self, body: Callable[[], None], process: Process | None, delay_s: float = 0.0
    ) -> None:
        """Run `body` as a fiber, after `delay_s`."""
        fiber = Fiber(body, self._hub, process)
        if process is not None:
            process.fibers[fiber] = None
        self.at(self.now + delay_s, process, self._start, fiber)

    def sleep(self, seconds: float) -> None:
        """Block the calling fiber."""
        self.park(seconds)

    def waiter(self) -> Waiter:
        """The calling fiber's next `park`, for whoever is to end it."""
        fiber = self._current()
        return Waiter(fiber, fiber.ticket)

    def park(self, timeout_s: float | None = None) -> Any:
        """Block the calling fiber until it is woken; None when the time ran out first."""
        fiber = self._current()
        if fiber.process is not None and not fiber.process.alive:
            raise GreenletExit
        if timeout_s is not None:
            due_at = self.now + max(0.0, timeout_s)
            self.at(due_at, fiber.process, self._resume, fiber, fiber.ticket, None)
        return self._hub.switch()

    def wake(self, waiter: Waiter, value: Any, delay_s: float = 0.0) -> None:
        """End a fiber's `park`, which then returns `value`."""
        fiber, ticket = waiter
        self.at(self.now + delay_s, fiber.process, self._resume, fiber, ticket, value)

    def kill(self, process: Process) -> None:
        """End a process at once. Its own fiber may call this; it does not come back from it."""
        if process.alive:
            process.alive = False
            self.at(self.now, None, self._reap, process)
        current = getcurrent()
        if isinstance(current, Fiber) and current.process is process:
            raise GreenletExit

    def _current(self) -> Fiber:
        fiber = getcurrent()
        if not isinstance(fiber, Fiber):
            raise TypeError("only a fiber can wait")
        return fiber

    def _start(self, fiber: Fiber) -> None:
        fiber.switch()
        self._forget_if_dead(fiber)

    def _resume(self, fiber: Fiber, ticket: int, value: Any) -> None:
        if fiber.ticket == ticket and not fiber.dead:
            fiber.ticket += 1
            fiber.switch(value)
            self._forget_if_dead(fiber)

    @staticmethod
    def _forget_if_dead(fiber: Fiber) -> None:
        if fiber.dead and fiber.process is not None:
            fiber.process.fibers.pop(fiber, None)

    @staticmethod
    def _reap(process: Process) -> None:
        """Unwind the fibers of a dead process: what they do on the way out reaches nobody."""
        for fiber in list(process.fibers):
            if fiber:  # one that never started has nothing to unwind
                fiber.throw(GreenletExit)
        process.fibers.clear()
