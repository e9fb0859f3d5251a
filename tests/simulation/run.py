"""One run, from its settings to its verdict."""

import gc
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from tests.simulation.end_rules import of_the_end
from tests.simulation.figures import Figures, count
from tests.simulation.history import History
from tests.simulation.network import Network
from tests.simulation.poll_rules import of_polls
from tests.simulation.pools import Field, SimPool
from tests.simulation.rules import Violation, of_a_lease, of_the_servers, strays
from tests.simulation.server import Server
from tests.simulation.settings import Settings
from tests.simulation.stories import read_stories
from tests.simulation.troubles import Mischief, drawn
from tests.simulation.world import World

_SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Thirty thousand small files are a matter of the clock, not of the rules: rather in memory."""

_LOOK_S = 30.0
_STUCK_S = 3 * 3600.0
_BURST = 60
_ONE_TASK_S = 45.0
_BAD_PROMPTS = ("refuse", "bad once", "bad always", "poison", "hostile")


@dataclass(frozen=True)
class Result:
    """What came of a run. `wall_s` is real time, everything else the world's."""

    settings: Settings
    violations: list[Violation]
    figures: Figures
    history: History
    troubles: int
    virtual_s: float
    wall_s: float


def simulate(settings: Settings) -> Result:
    """Run a world to its end and judge it. Blocks for as long as that takes."""
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_SCRATCH) as folder, _quiet():
        world, history = World(settings.seed), History()
        server = Server(world, history, settings.bugs, settings.race_median_s)
        field = Field(world, Network(world), server, history, settings, Path(folder))
        mischief = _set_up(field)
        world.run()
        world.end()
    stories = read_stories(history.events)
    violations = [
        *of_the_servers(history.events),
        *of_polls(history.events, settings.poll_s),
        *strays(stories.strays),
        *(v for lease in stories.leases for v in of_a_lease(lease, stories, settings)),
        *of_the_end(server, world.now),
    ]
    states = Counter(item.status for item in server.items.all())
    return Result(
        settings,
        violations,
        count(history.events, stories, states),
        history,
        mischief.done,
        world.now,
        time.monotonic() - began_at,
    )


def _set_up(field: Field) -> Mischief:
    crowd, world = field.settings.crowd, field.world
    pools = [SimPool(field, f"pool{number}") for number in range(crowd.pools)]
    mischief = Mischief(field, pools, drawn(world.random, crowd.faults, crowd.tasks))
    field.server.leased.append(mischief.leased)
    last_at = _let_arrive(field)
    for pool in pools:
        pool.start()
    world.at(0.0, None, _Watch(field, last_at).look)
    return mischief


def _let_arrive(field: Field) -> float:
    """Plan the arrival of every task; when the last one comes."""
    crowd, world = field.settings.crowd, field.world
    per_task_s = _ONE_TASK_S / (crowd.pools * crowd.children)
    at = 0.0
    for number in range(crowd.tasks):
        if crowd.bursts and number > crowd.tasks / 2 and number % _BURST == 0:
            at = max(at, number * per_task_s) + world.random.expovariate(1 / (20 * per_task_s))
        world.at(at, None, _arrival(field, number))
    return at


def _arrival(field: Field, number: int) -> Callable[[], None]:
    chance = field.world.random
    good = chance.random() < field.settings.crowd.good_share
    prompt = "a boat" if good else chance.choice(_BAD_PROMPTS)
    frame_num = -3 if prompt == "hostile" else 121
    return lambda: field.server.add(f"item-{number:05d}", prompt, frame_num)


class _Watch:
    """Ends the world a while after everything is done, or when nothing comes to an end any more."""

    def __init__(self, field: Field, last_arrival_at: float) -> None:
        self._field = field
        self._last_arrival_at = last_arrival_at
        self._settle_s = 3.0 * field.settings.lease_s
        self._open = -1
        self._since = 0.0

    def look(self) -> None:
        """Every half minute."""
        world = self._field.world
        still_open = len(self._field.server.items.open)
        if still_open != self._open:
            self._open, self._since = still_open, world.now
        quiet_s = world.now - max(self._since, self._last_arrival_at)
        world.over = quiet_s > (_STUCK_S if still_open else self._settle_s)
        world.at(world.now + _LOOK_S, None, self.look)


@contextmanager
def _quiet() -> Iterator[None]:
    """No log lines, and no collector pauses over a log that only grows."""
    logger.disable("pool")
    gc.freeze()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
        gc.unfreeze()
        logger.enable("pool")
