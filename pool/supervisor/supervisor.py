"""The loop over all slots: hear them, look after them, write the status, obey signals.

Theory of operation. One thread waits on a selector for whatever comes first: a child's words, a
signal, or the next thing that is due. Each round reads everything that has arrived before it judges
anybody, and after a pause of its own (a stopped process, a frozen machine) it judges silences from
now on: children that went on working while nobody listened are not killed for it.

A first SIGTERM or SIGINT drains, a second one stops, whether or not the pool was draining by itself
already: nobody who ends a machine knows of that. An error of the pool's own, too, is held against
the slot that it was met at, and against no other. The loop is over when no slot has a child and
none will have one.
"""

import select
import selectors
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from loguru import logger

from pool.counted import counted
from pool.event_log import EventSink
from pool.exit_codes import ExitCode
from pool.gpu.probe_client import Telemetry
from pool.gpu.readings import Reading, Snapshot
from pool.ledger import Ledger
from pool.messages import Beat, Current, KeyAccepted, Said, TaskEnded, ToSupervisor
from pool.supervisor.loading import LATE_S, Loads
from pool.supervisor.progress import ProgressLines
from pool.supervisor.slot import STOP_WITHIN_S, Slot
from pool.supervisor.states import GIVEN_UP
from pool.supervisor.strangers import reap_strangers
from pool.task_log import TaskLog

_STATUS_EVERY_S = 1.0
_AFTER_DRAIN_S = 0.8
"""What is left for giving leases back when a drain is over its time: `docker stop` kills after ten
seconds, so that a `drain_timeout` of eight ends in time by itself, a child that hangs included."""
_GATHER_S = 0.1
"""Children that speak within so short a time are heard in one round, which looks at every slot."""
_AWAY_S = 5.0
"""A round that comes this much later than planned: the supervisor itself was stopped."""


class Signals(Protocol):
    """Recorded signals. Implemented by `pool.supervisor.signals.SignalRecorder`."""

    fd: int

    def take(self) -> list[int]: ...


class Gpus(Protocol):
    """Readings of the devices. Implemented by `pool.gpu.probe_client.ProbeClient`."""

    @property
    def pids(self) -> Collection[int]: ...
    def poll(self, now: float) -> Telemetry | None: ...


class Beside(Protocol):
    """A process beside the pool. Implemented by `pool.supervisor.companion.Companion`."""

    @property
    def pid(self) -> int | None: ...
    def step(self, now: float) -> None: ...


class Memory(Protocol):
    """The host's memory. Implemented by `pool.supervisor.host_memory.HostMemory`."""

    def available_bytes(self) -> int: ...
    def private_bytes(self, pid: int) -> int: ...


@dataclass(frozen=True)
class Surroundings:
    """What the supervisor watches and writes. `gpus` is None where no device is in use.

    `memory` None: children are started whatever is left of it.
    """

    signals: Signals
    gpus: Gpus | None
    ledger: Ledger
    events: EventSink
    task_log: TaskLog
    publish: Callable[["Supervisor", float], None]
    """Writes the status; called about once a second and at the end."""
    companions: Sequence["Beside"] = ()
    memory: Memory | None = None


@dataclass(frozen=True)
class PoolRules:
    """When the pool ends.

    `drain_timeout_s` bounds a drain that a signal asked for; None: it takes as long as it takes.
    `load_guess_bytes`: the host memory that a child's load is thought to take before one was seen.
    `loads_at_once`: no more children load side by side; None: as many as the memory allows.
    """

    max_tasks: int | None
    drain_timeout_s: float | None
    load_guess_bytes: int = 0
    loads_at_once: int | None = None


class Supervisor:
    """The set of slots. Lives in the parent's main thread.

    It is also the slots' `Watcher`.
    """

    def __init__(self, rules: PoolRules, around: Surroundings, clock: Callable[[], float]) -> None:
        self.slots: Sequence[Slot] = ()
        self.readings: Mapping[str, Reading] = {}
        self.key_accepted = False
        self.draining = False
        self._rules = rules
        self._around = around
        self._clock = clock
        self._progress = ProgressLines()
        self._said: set[tuple[str, str | None]] = set()
        self._loads = Loads(rules.load_guess_bytes, at_once=rules.loads_at_once)
        self._finished = 0
        self._asked_to_end = False
        self._stop_at: float | None = None
        self._stopping = False
        self._status_at = 0.0
        self._planned = 0.0

    def run(self, slots: Sequence[Slot]) -> ExitCode:
        """Start every slot and loop until none has a child and none will."""
        self.slots = slots
        wake_at = self._planned = self._clock()
        while not all(slot.over for slot in self.slots):
            self._wait(wake_at - self._clock())
            wake_at = self.step(self._clock())
        self._around.publish(self, self._clock())
        return self._verdict()

    def step(self, now: float) -> float:
        """One round at `now`; the moment at which the next one is due."""
        if now - self._planned > _AWAY_S:
            self._for_each(now, lambda slot: slot.grant_grace(now))
        self._for_each(now, lambda slot: slot.hear(now))
        for number in self._around.signals.take():
            self._signalled(number, now)
        self._look_at_loads(now)
        self._for_each(now, lambda slot: slot.step(now, self._why_wait))
        for companion in self._around.companions:
            companion.step(now)
        self._look_at_gpus(now)
        reap_strangers(self._ours())
        self._end_what_is_over(now)
        if now >= self._status_at:
            self._status_at = now + _STATUS_EVERY_S
            self._around.publish(self, now)
        due = [self._status_at, *(slot.wake_at(now) for slot in self.slots)]
        if self._stop_at is not None and not self._stopping:
            due.append(self._stop_at)
        self._planned = min(due)
        return self._planned

    def _for_each(self, now: float, act: Callable[[Slot], None]) -> None:
        """Do it for every slot. One for which it cannot be done is given up, and no other."""
        for slot in self.slots:
            try:
                act(slot)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is about one slot
                slot.break_down(error, now)

    def _ours(self) -> set[int]:
        """Every process that this pool has started and not waited for yet."""
        pids = {slot.child.pid for slot in self.slots if slot.child is not None}
        pids.update(other.pid for other in self._around.companions if other.pid is not None)
        return pids if self._around.gpus is None else pids.union(self._around.gpus.pids)

    # Starts

    def _look_at_loads(self, now: float) -> None:
        if self._around.memory is None:
            return
        private_bytes = self._around.memory.private_bytes
        children = [(slot, slot.child.pid) for slot in self.slots if slot.child is not None]
        loading = {
            pid: loads_for_s
            for slot, pid in children
            if (loads_for_s := slot.loads_for_s(now)) is not None
        }
        self._loads = self._loads.seen(
            {pid: private_bytes(pid) for pid in loading},
            {pid for _slot, pid in children},
            {pid for pid, loads_for_s in loading.items() if loads_for_s >= LATE_S},
        )

    def _why_wait(self) -> str | None:
        """Why a slot may not start a child now; None: it does."""
        if self._around.memory is None:
            return None
        why = self._loads.why_wait(self._around.memory.available_bytes())
        if why is None:
            self._loads = self._loads.one_more()
        return why

    # The slots' watcher

    def heard(self, slot: Slot, message: ToSupervisor) -> None:
        """A child has said something that concerns the pool."""
        match message:
            case Said(text=text, item_id=item_id, once=True) if (text, item_id) in self._said:
                pass
            case Said(level=level, text=text, item_id=item_id, once=once):
                logger.bind(slot=slot.facts.name, item_id=item_id).log(level, "{}", text)
                if once:
                    self._said.add((text, item_id))
            case KeyAccepted():
                self.key_accepted = True
            case TaskEnded():
                self._task_ended(slot, message)
            case Beat(tasks=(current, *_)):
                self._say_progress(slot, current)
            case _:
                pass

    def died_over(self, slot: Slot, item_id: str, how: str) -> None:
        """A child died with an item in work."""
        logger.bind(slot=slot.facts.name, item_id=item_id).warning("its child died: {}", how)
        self._around.ledger.died(item_id, how)
        self._around.events.note("died", slot.worker_id or "", item_id)
        self._around.task_log.died(slot.facts.name, slot.worker_id, item_id, how)

    def _say_progress(self, slot: Slot, current: Current) -> None:
        line = self._progress.line(slot.facts.name, current, self._clock())
        if line is not None:
            log = logger.bind(slot=slot.facts.name, item_id=current.item_id, progress=True)
            log.info("{}", line)

    def _task_ended(self, slot: Slot, ended: TaskEnded) -> None:
        self._around.task_log.ended(slot.facts.name, slot.worker_id, ended)
        if ended.suspect:
            self._around.ledger.died(ended.item_id, ended.reason)
        if ended.photo == "unsigned":
            self._around.ledger.unsigned(ended.item_id)
        elif ended.photo == "fetched":
            self._around.ledger.fetched(ended.item_id)
        if ended.ending in ("completed", "failed"):
            self._finished += 1
            self._around.ledger.done(ended.item_id)

    # Ends

    def drain(self, why: str, now: float) -> None:
        """Take nothing new, and finish what is in work."""
        if self.draining:
            return
        self.draining = True
        logger.info("draining: {}", why)
        self._for_each(now, lambda slot: slot.drain(now))

    def stop(self, why: str, now: float, within_s: float = STOP_WITHIN_S) -> None:
        """Give every lease back and end."""
        if self._stopping:
            return
        self._stopping = self.draining = True
        logger.warning("stopping now: {}", why)
        self._for_each(now, lambda slot: slot.stop(now, within_s))

    def _signalled(self, number: int, now: float) -> None:
        """The first signal bounds a drain's time; one that the pool began by itself has no end."""
        name = signal.Signals(number).name
        if self._asked_to_end:
            self.stop(f"a second signal ({name})", now)
            return
        self._asked_to_end = True
        if self._rules.drain_timeout_s is not None:
            self._stop_at = now + self._rules.drain_timeout_s
        self.drain(name, now)

    def _end_what_is_over(self, now: float) -> None:
        if self._stop_at is not None and now >= self._stop_at:
            self.stop("the drain took longer than drain_timeout", now, _AFTER_DRAIN_S)
        if self._rules.max_tasks is not None and self._finished >= self._rules.max_tasks:
            self.drain(f"finished {counted(self._finished, 'task')}", now)
        if any(slot.unusable is ExitCode.UNAUTHORIZED for slot in self.slots):
            self.drain("the Worker API refuses the key (401)", now)

    def _verdict(self) -> ExitCode:
        unusable = {slot.unusable for slot in self.slots} - {None}
        for code in (ExitCode.UNAUTHORIZED, ExitCode.CONFIG):
            if code in unusable:
                return code
        if self._stopping:
            return ExitCode.STOPPED
        given_up = all(slot.state in GIVEN_UP for slot in self.slots)
        return ExitCode.ALL_QUARANTINED if given_up else ExitCode.CLEAN

    # Devices

    def _look_at_gpus(self, now: float) -> None:
        if self._around.gpus is None:
            return
        telemetry = self._around.gpus.poll(now)
        if telemetry is None:
            return
        snapshot = telemetry.snapshot
        self.readings = {} if snapshot is None else snapshot.readings
        self._for_each(now, lambda slot: self._look_at_device(slot, snapshot, now))

    def _look_at_device(self, slot: Slot, snapshot: Snapshot | None, now: float) -> None:
        """`snapshot` None: nothing is known of any device."""
        if snapshot is None:
            slot.memory.unknown()
        elif slot.facts.device is not None:
            reading = snapshot.readings.get(slot.facts.device.uuid)
            if reading is None and snapshot.incomplete:
                slot.memory.unknown()
            else:
                slot.look_at_device(reading, now)

    def _wait(self, wait_s: float) -> None:
        # Poll needs no file of its own: with none left to open, the pool goes on.
        with selectors.PollSelector() as selector:
            selector.register(self._around.signals.fd, selectors.EVENT_READ)
            for slot in self.slots:
                if slot.child is not None and not slot.undying:
                    selector.register(slot.child.fileno(), selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select(max(0.0, wait_s))}
        if ready and self._around.signals.fd not in ready:
            select.select([self._around.signals.fd], [], [], _GATHER_S)
