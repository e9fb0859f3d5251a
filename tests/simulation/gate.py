"""What the children of one pool share on disk, here in memory: the poll gate and the ledger."""

from types import TracebackType

from pool.lease.polling import PollState
from tests.simulation.world import Process, Waiter, World

_LOOKS_S = 0.2
"""How soon those in line learn of a holder's death, at the latest."""


class SimGate:
    """One pool's place to poll from. It is free again once its holder is dead, as an flock is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state = PollState()
        self.holder: Process | None = None
        self.line: list[Waiter] = []

    def free(self) -> None:
        """The turn is nobody's: those in line look again."""
        self.holder = None
        line, self.line = self.line, []
        for waiter in line:
            self.world.wake(waiter, True)

    def seen_by(self, process: Process) -> "GateHandle":
        """The gate as one child opens it."""
        return GateHandle(self, process)


class GateHandle:
    """Same shape as `pool.child.poll_gate.PollGate`."""

    def __init__(self, gate: SimGate, process: Process) -> None:
        self._gate = gate
        self._process = process

    def enter(self) -> "SimTurn":
        """The turn, once nobody alive has it. Blocks the calling fiber."""
        while (turn := self.try_enter()) is None:
            self._gate.line.append(self._gate.world.waiter())
            self._gate.world.park(_LOOKS_S)
        return turn

    def try_enter(self) -> "SimTurn | None":
        """The turn, if nobody alive has it."""
        if self._gate.holder is not None and self._gate.holder.alive:
            return None
        self._gate.holder = self._process
        return SimTurn(self._gate)


class SimTurn:
    """Same shape as `pool.child.poll_gate.Turn`."""

    def __init__(self, gate: SimGate) -> None:
        self._gate = gate

    @property
    def state(self) -> PollState:
        """What the pool knows."""
        return self._gate.state

    def put(self, state: PollState) -> None:
        """Write down what the next asker must know."""
        self._gate.state = state

    def leave(self) -> None:
        """Free the lock."""
        self._gate.free()

    def __enter__(self) -> "SimTurn":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()


class SimLedger:
    """Same meaning as `pool.ledger.Ledger`."""

    def __init__(self) -> None:
        self._deaths: dict[str, list[str]] = {}

    def died(self, item_id: str, how: str) -> None:
        """A child died while the item was in work."""
        self._deaths.setdefault(item_id, []).append(how)

    def done(self, item_id: str) -> None:
        """The item came to its end."""
        self._deaths.pop(item_id, None)

    def deaths(self, item_id: str) -> list[str]:
        """How children died over the item, oldest first."""
        return list(self._deaths.get(item_id, ()))
