"""What lies between the children and the servers: latency, loss, outages, and planned faults.

The faults are the fake server's own values (`tests.fakes.bad_server.faults`), acting at the same
three places: before the call, between its effect and the answer, on the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from client.errors import Transient
from tests.fakes.bad_server.faults import Canned, DatabaseError, Delay, Reset, StorageRefusal
from tests.fakes.bad_server.replies import Outcome, Reply, canned, error, storage_error
from tests.simulation.world import Process, Waiter, World

Kind = Canned | Reset | Delay | DatabaseError | StorageRefusal
STORAGE_CALLS = ("download", "upload")
_LATENCY_S = 0.03
_SLOW_SHARE = 0.002
_STALE_AFTER_S = 300.0


@dataclass
class Planned:
    """A fault that waits for its requests: `times` of them, all of the first worker it meets."""

    endpoint: str
    kind: Kind
    times: int = 1
    worker: str | None = None
    since: float = 0.0


@dataclass(frozen=True)
class Request:
    """One request on its way. `act` is the server's work on it."""

    process: Process
    pool: str
    endpoint: str
    act: Callable[[], Outcome]
    timeout_s: float


class Network:
    """Carries requests. An outage maps what is gone ("api", "storage", a pool) to its end."""

    def __init__(self, world: World) -> None:
        self.requests = 0
        self._world = world
        self._planned: list[Planned] = []
        self._outages: dict[str, float] = {}
        self._ambushes: dict[str, list[Callable[[Process], None]]] = {}

    def plan(self, fault: Planned) -> None:
        """Let something go wrong with requests to come."""
        self._planned.append(fault)

    def cut(self, what: str, for_s: float) -> None:
        """Let an API, the storage, or a pool's line be gone for a while."""
        until = self._world.now + for_s
        self._outages[what] = max(until, self._outages.get(what, 0.0))

    def lie_in_wait(self, endpoint: str, act: Callable[[Process], None]) -> None:
        """Call `act` with whoever is the next to send to `endpoint`."""
        self._ambushes.setdefault(endpoint, []).append(act)

    def exchange(self, request: Request) -> Reply:
        """Blocks the calling fiber for the whole exchange. Raises `Transient`."""
        self.requests += 1
        if ambush := self._ambushes.pop(request.endpoint, None):
            for act in ambush:
                act(request.process)
        kind = self._pick(request)
        waiter = self._world.waiter()
        self._world.spawn(lambda: self._serve(request, kind, waiter), None, self._latency_s())
        reply = self._world.park(request.timeout_s)
        if reply is None:
            raise Transient("no answer in time", maybe_done=True)
        if isinstance(reply, Transient):
            raise reply
        return reply

    def _serve(self, request: Request, kind: Kind | None, waiter: Waiter) -> None:
        """Runs in a fiber of its own: it goes on when its client is dead."""
        if self._gone(request.pool):
            return  # into the void; the client's own deadline ends it
        side = "storage" if request.endpoint in STORAGE_CALLS else "api"
        if self._gone(side):
            self._world.wake(waiter, Transient("the connection was refused"))
            return
        answer = self._before(request, kind) or self._after(kind, request.act().reply)
        if not self._gone(request.pool):
            self._world.wake(waiter, answer, self._latency_s())

    def _before(self, request: Request, kind: Kind | None) -> Reply | Transient | None:
        """What keeps the call from having its effect; None where nothing does."""
        match kind:
            case Reset(after_effect=False):
                return Transient("the connection broke", maybe_done=True)
            case Delay(seconds, after_effect=False):
                self._world.sleep(seconds)
            case Canned(after_effect=False):
                return canned(kind)
            case StorageRefusal(name):
                return storage_error(name, "masked")
            case DatabaseError():
                masked = request.endpoint in ("heartbeat", "report")
                return error(404 if masked else 500, "Task not found")
            case _:
                pass
        return None

    def _after(self, kind: Kind | None, reply: Reply) -> Reply | Transient:
        """What becomes of the answer to a call that had its effect."""
        match kind:
            case Reset():
                return Transient("the connection broke", maybe_done=True)
            case Delay(seconds, after_effect=True):
                self._world.sleep(seconds)
            case Canned(after_effect=True):
                return canned(kind)
            case _:
                pass
        return reply

    def _gone(self, what: str) -> bool:
        return self._world.now < self._outages.get(what, 0.0)

    def _pick(self, request: Request) -> Kind | None:
        for fault in self._planned:
            if fault.endpoint == request.endpoint and fault.worker in (None, request.process.name):
                return self._take(fault, request.process.name)
        return None

    def _take(self, fault: Planned, worker: str) -> Kind:
        now = self._world.now
        if fault.worker is None:
            fault.worker, fault.since = worker, now
        fault.times -= 1
        self._planned = [
            p
            for p in self._planned
            if p.times > 0 and (p.worker is None or now - p.since < _STALE_AFTER_S)
        ]
        return fault.kind

    def _latency_s(self) -> float:
        chance = self._world.random
        usual = chance.expovariate(1 / _LATENCY_S) + 0.005
        return usual + 10 * chance.random() if chance.random() < _SLOW_SHARE else usual
