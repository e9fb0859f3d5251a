"""Pools of slots: restarts, the ledger, and as much of the supervisor as leases depend on."""

import traceback
from dataclasses import dataclass
from pathlib import Path

from pool.messages import Beat, Current, Message, TaskEnded
from pool.supervisor.exits import suspects
from tests.simulation.backend import Mishaps
from tests.simulation.child import Child, Seat
from tests.simulation.client import Line
from tests.simulation.gate import SimGate, SimLedger
from tests.simulation.history import History
from tests.simulation.network import Network
from tests.simulation.server import Server
from tests.simulation.settings import Settings
from tests.simulation.world import Process, World

_KILL_AFTER_S = 7.0
_ABSENT_S = 1800.0
"""How long a pool whose supervisor hardly looks lets a hang be."""


@dataclass(frozen=True)
class Field:
    """What all pools have in common."""

    world: World
    network: Network
    server: Server
    history: History
    settings: Settings
    folder: Path


class SimPool:
    """One host: its clock, its gate, its ledger, its slots."""

    def __init__(self, field: Field, name: str) -> None:
        self.name = name
        self.field = field
        self.gate = SimGate(field.world)
        self.ledger = SimLedger()
        offset_s = field.world.random.uniform(0, 1e6)
        self.clock = lambda: field.world.now + offset_s
        self.patience_s = field.world.random.choice((_KILL_AFTER_S, _KILL_AFTER_S, _ABSENT_S))
        self.slots = [SimSlot(self, number) for number in range(field.settings.crowd.children)]

    def start(self) -> None:
        """Start every slot."""
        for slot in self.slots:
            slot.start()

    def lose_parent(self, how: str) -> None:
        """The supervisor is killed, and its children with it; nobody writes a ledger then."""
        for slot in self.slots:
            slot.die(how, noted=False)


class SimSlot:
    """One place for a child, and the outlet that the child speaks through."""

    def __init__(self, pool: SimPool, number: int) -> None:
        self._pool = pool
        self._number = number
        self._incarnation = 0
        self._overdue_since: float | None = None
        self._stopping = False
        self.process: Process | None = None
        self.child: Child | None = None
        self.mishaps = Mishaps(self.die)
        self.tasks: tuple[Current, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether there is a child."""
        return self.process is not None and self.process.alive

    def start(self) -> None:
        """The next incarnation."""
        field = self._pool.field
        self._incarnation += 1
        self._stopping, self._overdue_since = False, None
        name = f"{self._pool.name}-gpu{self._number}-{self._incarnation}"
        self.process = Process(name, self._pool.clock)
        self.mishaps = Mishaps(self.die)
        line = Line(
            field.world, field.network, field.server, field.history, self.process, self._pool.name
        )
        seat = Seat(
            line,
            self._pool.gate,
            self._pool.ledger,
            self.mishaps,
            self,
            work_dir=field.folder / name,
            undelivered=field.folder / self._pool.name,
        )
        self.child = Child(seat, field.settings)
        field.world.spawn(self._main, self.process)

    def die(self, how: str, *, noted: bool = True) -> None:
        """The process is gone at this instant; the slot gets another one after a while."""
        process = self.process
        if process is None or not process.alive:
            return
        if noted:
            self._hold_against_tasks(how)
        self._log("died", "", "", how)
        self._gone(process)

    def order(self, what: str) -> None:
        """Tell the child to drain or to stop, or send it a signal."""
        if self.alive and self.child is not None:
            self._stopping = self._stopping or what == "stop"
            self.child.order(what)

    # The outlet

    def send(self, message: Message) -> None:
        """What the child says."""
        match message:
            case Beat(tasks=tasks):
                self.tasks = tasks
                self._watch()
            case TaskEnded(item_id=item_id):
                self.tasks = tuple(task for task in self.tasks if task.item_id != item_id)
                text = f"suspect {message.reason}" if message.suspect else message.reason
                self._log("ended", message.item_id, message.ending, text)
                self._remember(message)
            case _:
                pass

    def flush(self) -> None:
        """Nothing waits."""

    def _remember(self, ended: TaskEnded) -> None:
        if ended.suspect:
            self._pool.ledger.died(ended.item_id, ended.reason)
        if ended.ending in ("completed", "failed"):
            self._pool.ledger.done(ended.item_id)

    def _watch(self) -> None:
        now = self._pool.clock()
        if all(now - task.moved_at <= task.limit_s for task in self.tasks):
            self._overdue_since = None
        elif self._overdue_since is None:
            self._overdue_since = now
        elif now - self._overdue_since > self._pool.patience_s:
            # From the hub: the child is in the middle of saying so.
            world, stages = self._pool.field.world, ", ".join(task.stage for task in self.tasks)
            world.at(world.now, self.process, self.die, f"killed: no progress in {stages}")

    def _main(self) -> None:
        """The child's main fiber."""
        process = self.process
        if self.child is None or process is None:
            raise RuntimeError("a slot without a child has no main thread")
        try:
            exit_ = self.child.run()
        except Exception:
            self._log("broke", "", "", traceback.format_exc())
        else:
            self._hold_against_tasks(exit_.reason)
            self._log("exited", "", exit_.code.name, exit_.reason)
        self._gone(process)

    def _hold_against_tasks(self, how: str) -> None:
        """Write into the ledger what the dead child was computing on."""
        for item_id in () if self._stopping else suspects(self.tasks):
            self._pool.ledger.died(item_id, how)
            self._log("suspected", item_id, "", how)

    def _gone(self, process: Process) -> None:
        world = self._pool.field.world
        self.tasks = ()
        world.at(world.now + world.random.uniform(1.0, 30.0), None, self.start)
        world.kill(process)

    def _log(self, kind: str, item_id: str, what: str, text: str) -> None:
        field = self._pool.field
        name = self.process.name if self.process is not None else ""
        field.history.add(field.world.now, kind, name, item_id, what, text)
