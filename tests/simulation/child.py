"""Puts a simulated child together. The one place that knows the constructors of `pool.child`.

What `pool.child.assembly` and `pool.child.main` do for a process is done here for a fiber: the same
classes, other threads, other clocks, other ends of the wires.
"""

from dataclasses import dataclass
from pathlib import Path

from pool.child.desk import SEATS
from pool.child.in_work import Lanes, Means
from pool.child.load import loaded
from pool.child.loop import ChildLoop, LoopRules, Outlet
from pool.child.news import BackendLoaded, Exit, Ordered, Signalled
from pool.child.poller import Asking, Poller
from pool.child.undelivered import Undelivered
from pool.child.workbench import Tools
from pool.event_log import NoEventLog
from pool.lease.job import JobRules
from pool.lease.polling import PollRules
from pool.lease.renewal import RenewalRules
from pool.messages import Drain, Stop
from tests.simulation.backend import Mishaps, SimBackend
from tests.simulation.client import Line, SimQueue, SimShelf
from tests.simulation.gate import SimGate, SimLedger
from tests.simulation.lanes import SimInbox, SimLane
from tests.simulation.settings import LIMITS, Settings

_SIGTERM = 15
_STOP_WITHIN_S = 10.0
_STORED_AT = ("videos/{}.mp4", "generated-videos/{}.mp4")


@dataclass(frozen=True)
class Seat:
    """What a child is given by its pool."""

    line: Line
    gate: SimGate
    ledger: SimLedger
    mishaps: Mishaps
    outlet: Outlet
    work_dir: Path
    undelivered: Path


class Child:
    """One child, from its first breath to its exit. `run` is its main thread."""

    def __init__(self, seat: Seat, settings: Settings) -> None:
        world, process = seat.line.world, seat.line.process
        self._inbox = SimInbox(world, process)
        self._means = _means(seat, settings, self._inbox)
        poller = Poller(
            _asking(seat, settings, self._means.tools),
            seat.gate.seen_by(process),  # type: ignore[arg-type]  # the same shape, in memory
            self._means.lanes.poll,
            self._inbox,  # type: ignore[arg-type]
            clock=process.clock,
            jitter=world.random.random,
        )
        rules = LoopRules(
            lease_duration_s=settings.lease_s,
            overlap=settings.overlap,
            key_accepted=True,
            deaths=seat.ledger.deaths,
            unsigned=lambda _item_id: 0,  # no simulated server loses a photo
            paths=lambda item_id: [path.format(item_id) for path in _STORED_AT],
            full_disk=lambda: None,
        )
        self._loop = ChildLoop(rules, self._means, poller, seat.outlet, world.random.random)

    def run(self) -> Exit:
        """Load, then loop."""
        backend, inbox = self._means.tools.backend, self._inbox
        self._means.lanes.device.submit(
            lambda: inbox.put(BackendLoaded(loaded(backend, None, lambda done, total: None)))
        )
        return self._loop.run()

    def order(self, what: str) -> None:
        """The supervisor's word, or a signal."""
        match what:
            case "drain":
                self._inbox.put(Ordered(Drain()))
            case "stop":
                self._inbox.put(Ordered(Stop(within_s=_STOP_WITHIN_S)))
            case _:
                self._inbox.put(Signalled(_SIGTERM))


def _means(seat: Seat, settings: Settings, inbox: SimInbox) -> Means:
    world, process = seat.line.world, seat.line.process
    lanes = Lanes(
        device=SimLane(world, process),
        fetch=SimLane(world, process),
        deliver=SimLane(world, process),
        poll=SimLane(world, process),
        renewals=tuple(SimLane(world, process) for _ in range(SEATS)),
    )
    tools = Tools(
        queue=SimQueue(seat.line),
        shelf=SimShelf(seat.line),
        backend=SimBackend(world, process, seat.line.history, settings.effort, seat.mishaps),
        undelivered=Undelivered(seat.undelivered),
        events=NoEventLog(),
        worker_id=process.name,
        work_dir=seat.work_dir,
        max_photo_bytes=50_000_000,
    )
    renewal = RenewalRules(
        length_s=settings.lease_s,
        interval_s=settings.heartbeat_s,
        confirmations=settings.confirmations,
    )
    rules = JobRules(renewal=renewal, limits=LIMITS)
    return Means(tools, lanes, inbox, rules, process.clock)  # type: ignore[arg-type]


def _asking(seat: Seat, settings: Settings, tools: Tools) -> Asking:
    return Asking(
        queue=tools.queue,
        worker_id=seat.line.process.name,
        lease_duration_s=settings.lease_s,
        rules=PollRules(settings.poll_s, settings.poll_s, settings.poll_s, 0.0),
        wanted=lambda provider: True,
    )
