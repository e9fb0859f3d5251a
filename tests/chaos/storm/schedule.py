"""What goes wrong in a storm, and when: drawn once, from the seed, before the storm begins. Pure.

Who is hit is chosen when the hour has come, among those that are there, from the trouble's own
`chance`: processes come and go as they please, so a seed repeats a storm's plan, not its course.
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """How often a trouble is drawn among the others, and how many seconds it lasts."""

    weight: float
    shortest_s: float = 0.0
    longest_s: float = 0.0


OUTSIDE: Mapping[str, Kind] = {
    # Processes. What "lasts" here is the time until a stopped one goes on, a dead one is back.
    "kill a child": Kind(16),
    "stop a child": Kind(8, 0.1, 12),
    "kill a supervisor": Kind(3, 0, 3),
    "stop a supervisor": Kind(3, 0.5, 12),
    "drain a pool": Kind(2, 0, 2),
    "stop a pool": Kind(2, 0, 2),
    # Networks: one pool's way to the Worker API, or everybody's way to the storage.
    "slow network": Kind(3, 1, 8),
    "trickle": Kind(3, 1, 8),
    "answers lost": Kind(3, 0.5, 4),
    "answers cut": Kind(2, 0.5, 4),
    "requests cut": Kind(2, 0.5, 4),
    "silence": Kind(2, 0.5, 9),
    "network down": Kind(2, 0.5, 9),
    "connections reset": Kind(3),
    # Servers
    "server errors": Kind(5),
    "lost answers": Kind(5),
    "late answers": Kind(3),
    "database errors": Kind(4),
    "nonsense": Kind(3),
    "rate limit": Kind(2),
    "storage errors": Kind(5),
    "dead links": Kind(2),
    "server down": Kind(1, 0.5, 9),
    "long races": Kind(2, 1, 5),
    "task taken away": Kind(2),
}
WITHIN: Mapping[str, Kind] = {
    # What computing does to a child. What "lasts" here is how long the trouble waits for a video.
    "hang": Kind(2, 2, 8),
    "segfault": Kind(4, 2, 8),
    "exit 0": Kind(3, 2, 8),
    "poison": Kind(1),
}
KINDS: Mapping[str, Kind] = {**OUTSIDE, **WITHIN}
_SHARE_WITHIN = 0.1


@dataclass(frozen=True, order=True)
class Trouble:
    """One thing that goes wrong `at_s` seconds into the storm, and `lasts_s` from then on."""

    at_s: float
    kind: str
    lasts_s: float
    chance_seed: int

    def chance(self) -> random.Random:
        """The trouble's own source of chance, the same at every call."""
        return random.Random(self.chance_seed)


@dataclass(frozen=True)
class Storm:
    """How a storm is to be: its length, its crowd, and how often something goes wrong.

    `only`: these kinds of trouble and no others; empty: all of them.
    """

    seed: int
    length_s: float = 300.0
    every_s: float = 1.0
    pools: int = 3
    children: int = 4
    tasks: int = 300
    only: Collection[str] = ()

    def troubles(self) -> list[Trouble]:
        """As many from outside as the storm is long, and a tenth more from within.

        The latter have a source of chance of their own, so that a seed draws the former as it did
        before there were any. Their moments know nothing of each other.
        """
        count = self.length_s / self.every_s
        outside = self._drawn(OUTSIDE, count, random.Random(self.seed))
        share = _SHARE_WITHIN if outside else 1.0
        within = self._drawn(WITHIN, count * share, random.Random(f"{self.seed} within"))
        return sorted([*outside, *within])

    def _drawn(
        self, among: Mapping[str, Kind], count: float, chance: random.Random
    ) -> list[Trouble]:
        kinds = {name: kind for name, kind in among.items() if not self.only or name in self.only}
        if not kinds:
            return []
        weights = [kind.weight for kind in kinds.values()]
        return [
            Trouble(
                at_s=chance.uniform(0, self.length_s),
                kind=name,
                lasts_s=chance.uniform(kinds[name].shortest_s, kinds[name].longest_s),
                chance_seed=chance.getrandbits(32),
            )
            for name in chance.choices(list(kinds), weights, k=int(count))
        ]

    def arrivals(self) -> list[float]:
        """When each task comes: evenly, and early enough that the last ones meet trouble too."""
        span_s = 0.9 * self.length_s
        return [span_s * number / self.tasks for number in range(self.tasks)]
