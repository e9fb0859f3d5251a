"""One slot: its state, its counters, and the child that lives in it.

The slot decides nothing by itself that the tables do not say: it turns what it hears and sees into
events, follows the table, and carries out the action. Used by the supervisor's one thread.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from loguru import logger

from pool.exit_codes import ExitCode
from pool.gpu.device_watch import DeviceWatch, Unfit
from pool.gpu.memory import MemoryGate
from pool.gpu.readings import Reading
from pool.messages import (
    Beat,
    Current,
    Drain,
    Ending,
    Loaded,
    Stop,
    TaskEnded,
    ToSupervisor,
)
from pool.supervisor.counters import Counters
from pool.supervisor.exits import ChildExit, LastExit, suspects
from pool.supervisor.ladder import Ladder
from pool.supervisor.newborn import Child, SlotFacts
from pool.supervisor.restart import SHORTAGES, Deaths, RestartRules
from pool.supervisor.states import GIVEN_UP, SlotAction, SlotEvent, SlotState, follow

_MEMORY_BACK_S = 120.0
"""How long a dead child's memory may take to come back before the slot is quarantined."""
STOP_WITHIN_S = 7.0
"""What a child gets to give its leases back and end, where nobody waits with a clock in hand."""
_KILL_AFTER_STOP_S = 1.0
"""And what it gets beyond that before it is killed, and after its kill before nobody waits for it:
a quarter of what it was given to end, this much at most."""


class Watcher(Protocol):
    """Who else wants to know. Implemented by the supervisor."""

    key_accepted: bool
    """Whether the Worker API has accepted the key in this pool's life."""

    def heard(self, slot: "Slot", message: ToSupervisor) -> None:
        """The slot's child has said something."""

    def died_over(self, slot: "Slot", item_id: str, how: str) -> None:
        """The slot's child died, unasked, with this item in work."""


class Slot:
    """One place for a child. `jitter` gives a number in [0, 1) at every call.

    `undying`: the child has outlived its kill, and is not waited for.
    """

    def __init__(
        self, facts: SlotFacts, rules: RestartRules, watcher: Watcher, jitter: Callable[[], float]
    ) -> None:
        self.facts = facts
        self.state = SlotState.STARTING
        self.reason: str | None = "starting"
        self.incarnation = 0
        self.child: Child | None = None
        self.worker_id: str | None = None
        self.tasks: tuple[Current, ...] = ()
        self.counters = Counters()
        self.last_exit: LastExit | None = None
        self.unusable: ExitCode | None = None
        self.undying = False
        self.memory = MemoryGate()
        self._rules = rules
        self._watcher = watcher
        self._jitter = jitter
        self._deaths = Deaths()
        self._watch = DeviceWatch()
        self._replaced_for: str | None = None
        self._retry_at = 0.0
        self._ending = self._may_be_tried = False
        self._said = ""
        self._died_of: str | None = None
        self._kill_at: float | None = None
        self._gone_by = math.inf
        self._log = logger.bind(slot=facts.name)
        self._ladder = Ladder(0.0, self._log)

    def launch(self, now: float) -> None:
        """Start the slot's next child."""
        self.incarnation += 1
        self._ladder = Ladder(now, self._log)
        self._said, self._replaced_for = "", None
        try:
            newborn = self.facts.launch(self.incarnation)
        except OSError as error:
            exit_ = ChildExit(None, None, f"it could not be started: {error.strerror}")
            self._judge(exit_, now, short=error.errno in SHORTAGES)
            return
        self.child, self.worker_id = newborn.child, newborn.worker_id
        self._log.info("child {} started (pid {})", self.incarnation, self.child.pid)

    def hear(self, now: float) -> None:
        """Take in what the child has said."""
        for message in self.child.hear() if self.child is not None else ():
            self._ladder.heard_at = now
            self._take(message, now)
            self._watcher.heard(self, message)

    def step(self, now: float, why_wait: Callable[[], str | None] = lambda: None) -> None:
        """Look after the child, or after its absence.

        `why_wait` says why no child may be started at the moment, in words; None: one may.
        """
        if self.child is None:
            self._come_back(now, why_wait)
            return
        code = self.child.returncode()
        if code is not None:
            self._bury(self.child, code, now)
        elif self._ladder.killed_at is not None:
            self._wait_for_its_end(now)
        elif self._kill_at is not None and now >= self._kill_at:
            self._ladder.kill(self.child, now)
        else:
            self._ladder.climb(self.child, self.tasks, now)

    def _wait_for_its_end(self, now: float) -> None:
        """Do not wait for ever for a killed child: the driver may hold it until a restart."""
        if self.undying or now < self._due_at():
            return
        self.undying = True
        self._lose_tasks(self._ladder.hung)
        if self.state not in GIVEN_UP:
            self._plan_trial(now)
            self._retry_at = now  # should it ever be gone
        self._follow(SlotEvent.BROKEN, now)
        self.reason = "its process cannot be killed; restart the machine"
        self._log.error("{}; the slot is {}", self.reason, self.state.value)

    def _due_at(self) -> float:
        """When the child is to be killed or, after that, given up."""
        gone_by = self._ladder.gone_by
        if gone_by is not None:
            return min(gone_by, self._gone_by)
        return math.inf if self._kill_at is None else self._kill_at

    def _come_back(self, now: float, why_wait: Callable[[], str | None]) -> None:
        """Start the next child, when the wait is over and the device's memory is free again."""
        if now < self._retry_at:
            return
        match self.state:
            case SlotState.STARTING if (why := why_wait()) is not None:
                self.reason = why
            case SlotState.STARTING:
                self.reason = "starting"
                self.launch(now)
            case SlotState.BACKOFF if self.memory.held is not None:
                self.reason = self.memory.held
                if now >= self._retry_at + _MEMORY_BACK_S:
                    self._plan_trial(now)
                    self._follow(SlotEvent.DIED_TOO_OFTEN, now)
                    self.reason = f"quarantined: {self.memory.held}"
            case SlotState.BACKOFF if (why := why_wait()) is not None:
                self.reason = f"{self._died_of}; {why}"
            case SlotState.BACKOFF:
                self.reason = self._died_of
                self._follow(SlotEvent.BACKOFF_OVER, now)
            case SlotState.QUARANTINED | SlotState.LOST if (why := self._no_trial()) is not None:
                self.reason = why
            case SlotState.QUARANTINED | SlotState.LOST if (
                self._may_be_tried and why_wait() is None
            ):
                self.reason = f"on trial after: {self.reason}"
                self._may_be_tried = False
                self._follow(SlotEvent.TRIAL_DUE, now)
            case _:
                pass

    def _no_trial(self) -> str | None:
        """Why the device would fail any child, in words."""
        return self.memory.held if self._watch.unfit is None else self._watch.unfit.why

    def _plan_trial(self, now: float) -> None:
        """A slot that is given up gets one child on trial, much later, on a device that is fit."""
        self._deaths = self._deaths.quarantined()
        self._may_be_tried = not self._ending
        self._retry_at = now + self._deaths.trial_wait_s()

    def drain(self, now: float) -> None:
        """Let the child finish what it has, and start no other."""
        self._ending, self._may_be_tried = True, False
        if self.state is not SlotState.STOPPED:
            self._follow(SlotEvent.DRAIN, now)
            if self.state is SlotState.DRAINING and self.child is None:
                self._follow(SlotEvent.FINISHED, now)
            elif self.state is SlotState.DRAINING:
                self.reason = "draining"

    def stop(self, now: float, within_s: float = STOP_WITHIN_S) -> None:
        """Have the leases given back now; a child that has not ended in time is killed."""
        self.drain(now)
        if self.child is not None and self._kill_at is None:
            self.child.tell(Stop(within_s=within_s))
            margin_s = min(_KILL_AFTER_STOP_S, within_s / 4)
            self._kill_at = now + within_s + margin_s
            self._gone_by = self._kill_at + margin_s

    def look_at_device(self, reading: Reading | None, now: float) -> None:
        """Act on what NVML says of the slot's device; None: it lists the device no longer."""
        broken = self._watch.seen(reading)
        if self._watch.unfit is not None:
            self._give_up(self._watch.unfit, now)
        if reading is None or reading.lost:
            return
        for words in self._watch.advice(reading):
            self._log.warning("the device: {}", words)
        pid = self.child.pid if self.child is not None else None
        self.memory.seen(reading, pid, loaded=self._ladder.loaded_at is not None)
        if broken is not None:
            self._replace(broken)

    def _give_up(self, unfit: Unfit, now: float) -> None:
        """Start no other child on the device, as long as it is unfit."""
        if self.state in (*GIVEN_UP, SlotState.STOPPED) and not (
            unfit.lost and self.state is SlotState.QUARANTINED
        ):
            return
        self._plan_trial(now)
        self._follow(SlotEvent.DEVICE_LOST if unfit.lost else SlotEvent.DEVICE_SICK, now)
        self.reason = unfit.why
        self._log.error("{}; the slot is {}", unfit.why, self.state.value)

    def break_down(self, error: Exception, now: float) -> None:
        """Go no further after an error of the pool's own, which says nothing of the others."""
        log = self._log.opt(exception=error)
        if self.state in (*GIVEN_UP, SlotState.STOPPED):
            # What cannot even be buried is not waited for.
            self.undying = self.child is not None and now >= self._due_at()
            log.debug("once more: {}", type(error).__name__)
            return
        self._plan_trial(now)
        self._follow(SlotEvent.BROKEN, now)
        if self.child is not None:
            # In whatever state it was met: a child that nobody looks after must not go on.
            self._ladder.kill(self.child, now)
        what = type(error).__name__
        self.reason = f"the pool met an error of its own ({what}); logs/pool.log has it"
        log.error("{}; the slot is {}", self.reason, self.state.value)

    def _replace(self, why: str) -> None:
        """Have a fresh child in this one's place, once it has finished what it can.

        The driver does not say whose error it was: a child that it was not goes on to the end of
        its task.
        """
        if self._replaced_for is None and self.state in (SlotState.READY, SlotState.BUSY):
            self._replaced_for = why
            self._log.warning("{}; a fresh process will use the device", why)
            if self.child is not None:
                self.child.tell(Drain())

    def grant_grace(self, now: float) -> None:
        """Judge the child's silence from now on: the supervisor itself was away."""
        self._ladder.grant_grace(now)

    def loads_for_s(self, now: float) -> float | None:
        """How long the child has been loading; None where none loads."""
        loads = self.child is not None and self.state is SlotState.STARTING
        return self._ladder.loads_for_s(now) if loads else None

    def wake_at(self, now: float) -> float:
        """The moment at which `step` has something to do, if no news comes before."""
        if self.state is SlotState.BACKOFF and now < self._retry_at:
            return self._retry_at
        waits = self.child is not None and not self.undying
        return min(self._due_at(), now + 1.0) if waits else now + 1.0

    @property
    def over(self) -> bool:
        """Whether no child runs, or only one that nobody can end, and none will."""
        return (self.child is None or self.undying) and self.state in (
            SlotState.STOPPED,
            SlotState.QUARANTINED,
            SlotState.LOST,
        )

    # What the child says

    def _take(self, message: ToSupervisor, now: float) -> None:
        match message:
            case Loaded() if self._ladder.loaded_at is None:
                self._ladder.loaded_at = now
                self._follow(SlotEvent.LOADED, now)
                self._log.info("ready after {:.1f} s", now - self._ladder.born_at)
                self._ready()
            case Beat(tasks=tasks, waiting_for=waiting_for) if self._ladder.loaded_at is not None:
                self._note_tasks(tasks, now)
                if self.state is SlotState.READY:
                    self.reason = waiting_for
            case TaskEnded(item_id=item_id, ending=ending):
                self._count(ending)
                rest = tuple(task for task in self.tasks if task.item_id != item_id)
                self._note_tasks(rest, now)
            case Ending(reason=reason):
                self._said = reason
            case _:
                pass

    def _note_tasks(self, tasks: tuple[Current, ...], now: float) -> None:
        had, self.tasks = bool(self.tasks), tasks
        if tasks and not had:
            self._follow(SlotEvent.TOOK_TASK, now)
        if had and not tasks:
            self._follow(SlotEvent.ENDED_TASK, now)

    def _count(self, ending: str) -> None:
        self.counters.count(ending)
        if ending in ("completed", "failed"):
            self._deaths = self._deaths.proved()

    def _ready(self) -> None:
        if self.state is SlotState.READY:
            self.reason = None

    # Ends

    def _bury(self, child: Child, code: int, now: float) -> None:
        """Take leave of a dead child. What it said last is heard first."""
        self.hear(now)
        child.close()
        self.child, self.undying = None, False
        said = self._replaced_for if code == ExitCode.CLEAN else None
        exit_ = ChildExit.of(code, said or self._said, self._ladder.hung)
        self.last_exit = LastExit(exit_, datetime.now(UTC))
        self.memory.left(now)
        self._lose_tasks(exit_.reason)
        self._judge(exit_, now)

    def _lose_tasks(self, how: str) -> None:
        tasks, self.tasks = self.tasks, ()
        self.counters.lost += len(tasks)
        if self._kill_at is None and self.state not in GIVEN_UP:
            for item_id in suspects(tasks):
                self._watcher.died_over(self, item_id, how)

    def _judge(self, exit_: ChildExit, now: float, *, short: bool = False) -> None:
        """Draw the consequences. `short`: it was the host's fault, not the slot's."""
        draining = self.state is SlotState.DRAINING
        event, reason = exit_.event(draining=draining), exit_.reason
        if exit_.code == ExitCode.UNAUTHORIZED and self._watcher.key_accepted:
            # The key was good before: the next child is told so, and waits for it to be good again.
            event = SlotEvent.FINISHED if draining else SlotEvent.DIED
        if event is SlotEvent.UNUSABLE and exit_.code is not None:
            self.unusable = ExitCode(exit_.code)
        if short:
            self._deaths = self._deaths.held_up()
        elif event is SlotEvent.DIED and self.state not in GIVEN_UP:
            self._deaths = self._deaths.died(
                now, loaded_at=self._ladder.loaded_at, rules=self._rules
            )
            why = self._deaths.too_many(self._rules)
            if why is not None:
                event = SlotEvent.DIED_TOO_OFTEN
                reason = f"quarantined: {why}, the last time: {reason}"
        if self.state not in GIVEN_UP:
            self.reason = reason
            if event is SlotEvent.DIED_TOO_OFTEN:
                self._plan_trial(now)
        self._follow(event, now)
        say = self._log.info if event is SlotEvent.FINISHED else self._log.error
        say("child {} ended: {}; the slot is {}", self.incarnation, self.reason, self.state.value)

    def _follow(self, event: SlotEvent, now: float) -> None:
        self.state, action = follow(self.state, event)
        match action:
            case SlotAction.LAUNCH:
                self.reason = f"starting again after: {self.reason}"
                self.launch(now)
            case SlotAction.WAIT:
                wait_s = self._deaths.wait_s(self._jitter())
                self._retry_at = now + wait_s
                self._died_of = self.reason
                self.reason = f"{self._died_of}; starting again in {wait_s:.0f} s"
            case SlotAction.TELL_TO_DRAIN if self.child is not None:
                self.child.tell(Drain())
            case SlotAction.KILL if self.child is not None:
                self._ladder.kill(self.child, now)
            case _:
                pass
