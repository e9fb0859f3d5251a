"""The tasks that a child has in work side by side, and the order in which they use the device.

While the device infers one task, the one before is encoded, stored and reported, and the next one
is leased, confirmed and prepared. Three leases at most, each with a job, a fence and a heartbeat
lane of its own. What is delivered slowly holds back what comes after it: with one finished video
still on its way out and another one waiting, the device waits, and nothing new is taken.
"""

import math
from collections.abc import Sequence
from enum import Enum, auto
from functools import partial

from pool.child.in_work import InWork
from pool.child.news import MoveEnded
from pool.lease.moves import Infer, Move, Prepare
from pool.lease.order import Phase
from pool.lease.pace import Practice
from pool.lease.rhythm import Due, Rhythm

SEATS = 3
"""Leases that one child holds at most: one delivered, one on the device, one prepared."""

_UNDELIVERED = 1
"""Finished videos that may be on their way out when the device starts another."""


class Wish(Enum):
    """Whether a child wants another task."""

    NONE = auto()
    NEXT = auto()
    """For later: the device is still busy. Children whose device is idle go first."""
    SOON = auto()
    """The device is still busy, but will have nothing to do if no task is asked for now."""
    NOW = auto()
    """The device has nothing to do."""


_WISHES = {Due.LATER: Wish.NONE, Due.SOON: Wish.NEXT, Due.NOW: Wish.SOON}


class Desk:
    """The tasks in work, oldest first. Used by the main thread."""

    def __init__(self, *, overlap: bool) -> None:
        self.tasks: list[InWork] = []
        self.rhythm = Rhythm()
        self.practice = Practice()
        self.unfit: str | None = None
        self._overlap = overlap

    def works_on(self, item_id: str) -> bool:
        """Whether a lease of this item is held and being worked on."""
        held = (task for task in self.tasks if task.job.ending is None and not task.job.stopping)
        return any(task.task.item_id == item_id for task in held)

    def free_seat(self) -> int:
        """The lowest place that no task has."""
        return min(set(range(SEATS)) - {task.seat for task in self.tasks})

    def handle(self, ended: MoveEnded) -> None:
        """Take in what came of a move. Once `unfit` is set, the device starts nothing more."""
        for task in self.tasks:
            if task.serial == ended.serial:
                task.handle(ended)
                self.unfit = self.unfit or task.unfit
                if isinstance(ended.outcome.move, Infer):
                    self._learn(task, ended)

    def _learn(self, task: InWork, ended: MoveEnded) -> None:
        pace = task.job.pace
        if not task.remote:
            # How long a service elsewhere is silent says nothing of the next time.
            self.practice = self.practice.after(pace)
        if ended.outcome.fault is None:
            took_s = ended.ended_at - ended.outcome.sent_at
            self.rhythm = self.rhythm.inferred(pace.total, took_s)

    def step(self, now: float) -> None:
        """Decide what is due for each task, the oldest first."""
        if self.unfit is not None:
            self.give_back_waiting(now)
        for task in self._in_turn():
            task.job.practice = self.practice
            task.step(now, partial(self._may, task))
            if task.ready and not task.was_ready and not task.alone:
                task.was_ready = True
                self.rhythm = self.rhythm.readied(now - task.asked_at)
        self._wait_with_the_others(now)

    def _in_turn(self) -> list[InWork]:
        """The tasks but those that came in again while their lost lease is on its way out.

        A lost lease is over when its last request has come back; until then nothing leaves under
        the new one, since the server could not tell the two apart.
        """
        seen: set[str] = set()
        turns = []
        for task in self.tasks:
            if task.task.item_id not in seen:
                turns.append(task)
            seen.add(task.task.item_id)
        return turns

    def wake_at(self, now: float) -> float:
        """The moment at which a task has something to do, if no news comes before."""
        jobs = [task.job for task in self._in_turn()]
        return min((job.wake_at(now) for job in jobs if job.ending is None), default=math.inf)

    def start(self) -> None:
        """Start what is due."""
        for task in self.tasks:
            task.start()

    def take_away_finished(self, *, at_once: bool) -> list[InWork]:
        """The tasks whose leases have ended and whose moves have all come back.

        `at_once`: also those that still wait for a move to come back.
        """
        done = [task for task in self.tasks if task.over or at_once]
        self.tasks = [task for task in self.tasks if task not in done]
        return done

    def wish(self, now: float) -> Wish:
        """Whether another task is wanted now."""
        if any(task.alone for task in self.tasks):
            return Wish.NONE
        if not self.tasks:
            return Wish.NOW
        if not self._overlap or len(self.tasks) >= SEATS:
            return Wish.NONE
        before = [task for task in self.tasks if task.phase is not Phase.AFTER]
        if not before:
            return Wish.NOW if len(self.tasks) <= _UNDELIVERED else Wish.NONE
        return _WISHES[self._next_due(before, now)]

    def give_back_waiting(self, now: float) -> None:
        """Release the leases of tasks that wait for the device, or for others."""
        behind = self.unfit is not None or any(task.phase is Phase.ON_DEVICE for task in self.tasks)
        for task in self.tasks:
            if task.phase is Phase.BEFORE and (behind or task.job.held):
                task.give_back(now)

    def give_back_all(self, now: float, *, deliver_until: float) -> None:
        """Release every lease; a video that is on its way out may arrive first."""
        for task in self.tasks:
            task.give_back(now, deliver_until=deliver_until)

    def foremost(self) -> Sequence[InWork]:
        """The tasks, the one on the device first: what a person wants to see."""
        return sorted(self.tasks, key=lambda task: task.phase is not Phase.ON_DEVICE)

    # The order on the device

    def _may(self, task: InWork, move: Move) -> bool:
        if isinstance(move, Prepare | Infer) and task.alone and len(self.tasks) > 1:
            return False
        return not isinstance(move, Infer) or self._device_is_free()

    def _device_is_free(self) -> bool:
        undelivered = sum(task.phase is Phase.AFTER for task in self.tasks)
        free = not any(task.inferring for task in self.tasks)
        return free and undelivered <= _UNDELIVERED and self.unfit is None

    def _next_due(self, before: Sequence[InWork], now: float) -> Due:
        task = before[0]
        if len(before) > 1 or task.infer_started_at is None or task.phase is not Phase.ON_DEVICE:
            return Due.LATER
        return self.rhythm.due(task.job.pace, now - task.infer_started_at, now)

    def _wait_with_the_others(self, now: float) -> None:
        """A task that is kept waiting is as alive as those that it waits for."""
        held = [task for task in self.tasks if task.job.held]
        others = [task for task in self.tasks if not task.job.held]
        if others and not any(task.job.stalled(now) for task in others):
            for task in held:
                task.job.waited(now)
