"""One run of kills, from its seed to its verdict."""

import itertools
import os
import random
import signal
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.runway_kills.strikes import Work, at_work, foremost, phase
from tests.chaos.storm.pools import Birth, StormPool
from tests.checker import (
    Event,
    Expectations,
    check,
    check_leftovers,
    find_secrets,
    gather_leftovers,
    read_events,
)
from tests.checker.model import CROWDED_S
from tests.checker.purchases import (
    Purchase,
    bought_in_vain,
    leases_given,
    paid_too_often,
    read_purchases,
    sold_by,
)
from tests.fakes.bad_server import BadServer
from tests.fakes.bad_server.faults import Delay
from tests.fakes.runway import FakeRunway, Look

PHOTO = (Path(__file__).parents[2] / "photos" / "coffee.jpg").read_bytes()
STEP_S = 0.05
SETTLE_S = 180.0
END_WITHIN_S = 60.0
LOOKS = 6
LOOK_EVERY_S = 0.4
CREATE_S = 1.0
LEASE_LIVES_S = 11.0
"""From a lease to its report, nearly: six seconds of them pass before anything may be bought."""
FOR_EVER = 1_000_000
POOL_SETTINGS = {
    "worker_type": "runway",
    "backend": "runway",
    "event_log": True,
    "lease_duration_seconds": 8,
    "heartbeat_interval": 2,
    "polling_interval": 0.3,
    "runway_poll_interval": LOOK_EVERY_S,
    "worker_id": "buyer",
}


@dataclass(frozen=True)
class Plan:
    """How many kills, drawn from which seed, among how many children.

    `doomed` is the share of the leases that are to meet a kill.
    """

    seed: int
    kills: int = 200
    workers: int = 10
    doomed: float = 0.7


@dataclass(frozen=True)
class Result:
    """What came of it. `broken` says everything that may not be, in sentences."""

    plan: Plan
    folder: Path
    phases: Counter[str]
    tasks: int
    completed: int
    bought: int
    in_vain: int
    resumed: int
    broken: Sequence[str]


class Killer:
    """Kills children of one pool at random moments. Lives in one thread."""

    def __init__(self, plan: Plan, server: BadServer, pool: StormPool) -> None:
        self.phases: Counter[str] = Counter()
        self._plan = plan
        self._server = server
        self._pool = pool
        self._chance = random.Random(plan.seed)
        self._struck: set[str] = set()
        self._dooms: dict[tuple[str, str], float] = {}
        self._numbers = itertools.count()

    def run(self, tell: Callable[[int], None]) -> None:
        """Kill as often as was planned, then wait until every item has come home."""
        while self.phases.total() < self._plan.kills:
            self._pool.step(time.monotonic())
            self._feed()
            if self._strike():
                tell(self.phases.total())
            time.sleep(STEP_S)
        until = time.monotonic() + SETTLE_S
        while self._open() and time.monotonic() < until:
            self._pool.step(time.monotonic())
            time.sleep(STEP_S)

    def _feed(self) -> None:
        """Keep a task waiting for every child."""
        waiting = sum(item.status == "pending" for item in self._server.items())
        for _ in range(self._plan.workers - waiting):
            self._server.add_task(PHOTO, f"task {next(self._numbers)}.")

    def _open(self) -> bool:
        return any(item.status in ("pending", "processing") for item in self._server.items())

    def _strike(self) -> bool:
        """Kill the child whose moment has come, if there is one; whether there was."""
        living = {child.pid for child in self._pool.children()}
        for work in at_work(events_of(self._pool)):
            if work.pid in living and self._is_due(work):
                os.kill(work.pid, signal.SIGKILL)
                self._struck |= set(work.last)
                self.phases[self._phase(work)] += 1
                return True
        return False

    def _is_due(self, work: Work) -> bool:
        """Whether the moment of one of its leases has come. No item is struck twice."""
        due = [self._doom(work.worker_id, item) <= time.monotonic() for item in work.last]
        return any(due) and not self._struck & work.last.keys()

    def _doom(self, worker_id: str, item_id: str) -> float:
        """When a lease is to meet its kill: drawn the first time that it is seen."""
        key = worker_id, item_id
        if key not in self._dooms:
            wait_s = self._chance.uniform(0, LEASE_LIVES_S)
            spared = self._chance.random() >= self._plan.doomed
            self._dooms[key] = float("inf") if spared else time.monotonic() + wait_s
        return self._dooms[key]

    def _phase(self, victim: Work) -> str:
        item = foremost(victim)
        own = [
            purchase.state
            for purchase in read_purchases(self._pool.folder / "state")
            if (purchase.item_id, purchase.lease_id.rpartition("#")[0]) == (item, victim.worker_id)
        ]
        return phase(victim, item, own[-1] if own else None)


def kill_children(plan: Plan, tell: Callable[[int], None]) -> Result:
    """Carry a plan out and judge what came of it. Blocks for as long as that takes."""
    folder = Path(tempfile.mkdtemp(prefix="runway-kills-"))
    with BadServer() as server, FakeRunway() as runway:
        runway.usual_script((Look("RUNNING", 0.5),) * LOOKS + (Look("SUCCEEDED"),))
        runway.trouble("create", Delay(CREATE_S / 2), FOR_EVER)
        pool = StormPool(
            Birth(
                name="buyer",
                folder=folder,
                url=server.url,
                key=server.key,
                children=plan.workers,
                mark=uuid.uuid4().hex,
                settings={**POOL_SETTINGS, "runway_base_url": runway.url},
                environ={"RUNWAY_API_KEY": runway.key},
            )
        )
        killer = Killer(plan, server, pool)
        try:
            killer.run(tell)
            pool.end(END_WITHIN_S)
        finally:
            pool.kill()
        return _judged(plan, killer.phases, pool, server, runway)


def _judged(
    plan: Plan, phases: Counter[str], pool: StormPool, server: BadServer, runway: FakeRunway
) -> Result:
    purchases, items = read_purchases(pool.folder / "state"), server.items()
    sold = sold_by(runway.tasks, items)
    return Result(
        plan=plan,
        folder=pool.folder,
        phases=phases,
        tasks=len(items),
        completed=sum(item.status == "completed" for item in items),
        bought=len(sold),
        in_vain=bought_in_vain(sold),
        resumed=sum(purchase.resumed for purchase in purchases),
        broken=[str(sentence) for sentence in _broken(pool, server, runway, purchases, sold)],
    )


def _broken(
    pool: StormPool,
    server: BadServer,
    runway: FakeRunway,
    purchases: Sequence[Purchase],
    sold: dict[str, str],
) -> Iterator[object]:
    expect = Expectations(confirmations=2, may_fail=frozenset(), slack_s=CROWDED_S)
    log = server.entries()
    yield from check(log, server, events_of(pool), expect)
    yield from paid_too_often(purchases, sold, leases_given(log))
    yield from check_leftovers(gather_leftovers(pool.mark, pool.folder))
    yield from find_secrets([*server.secrets(), *runway.secrets()], [pool.folder])
    yield from pool.odd


def events_of(pool: StormPool) -> list[Event]:
    """What the pool's processes wrote down."""
    return read_events(pool.folder / "state" / "events")
