"""What a storm blows over: the server, the ways to it, the pools, and what was done to them."""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.storm.pools import StormPool
from tests.fakes.bad_server import BadServer
from tests.fakes.fault_proxy import FaultProxy

Deed = Callable[[], None]
STORAGE = "storage"
PHOTO = b"a photo, as far as a ready-made backend cares"
GIVES_UP_S = 3
"""How long a child waits for an answer: `api_timeout` of every pool of the storm."""


@dataclass
class Agenda:
    """What is to be done, and when, in monotonic seconds."""

    _due: list[tuple[float, int, Deed]] = field(default_factory=list)
    _number: "itertools.count[int]" = field(default_factory=itertools.count)

    def at(self, when: float, deed: Deed) -> None:
        """Do it at `when`, or as soon after as somebody looks."""
        heapq.heappush(self._due, (when, next(self._number), deed))

    def step(self, now: float) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()

    def bring_forward(self) -> None:
        """Do everything that is left, now."""
        self.step(float("inf"))


@dataclass(frozen=True)
class Deaf:
    """A time in which answers may not have reached one pool, or one process of it.

    `pid` None: every process of the pool; `pool` None: every pool.
    """

    since_s: float
    until_s: float
    pool: str | None
    pid: int | None = None


@dataclass(frozen=True)
class Field:
    """Everything together. `ways` are the proxies: one of each pool's name, and the storage's.

    `diary` tells what happened, for whoever reads it later.
    """

    server: BadServer
    ways: Mapping[str, FaultProxy]
    pools: Sequence[StormPool]
    agenda: Agenda = field(default_factory=Agenda)
    deaf: list[Deaf] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)
