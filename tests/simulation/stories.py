"""The log, read as leases: what one child did for one item, from taking it to its end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.simulation.history import Event
from tests.simulation.lanes import LAG_S, SLOW_LAG_S

_OF_A_LEASE = ("sent", "answered", "began", "step", "made", "ended")


def pool_of(worker: str) -> str:
    """The pool's part of a worker id."""
    return worker.partition("-")[0]


@dataclass
class Lease:
    """One lease. `asked_at` is when the question that gave it was sent."""

    worker: str
    item: str
    asked_at: float
    taken_at: float
    ended_at: float | None = None
    events: list[Event] = field(default_factory=list)

    def keep(self, event: Event) -> None:
        """Note what was done."""
        if event.kind == "ended":
            self.ended_at = event.at
        self.events.append(event)


@dataclass
class Stories:
    """A whole run. `strays` were sent for an item without a lease of it."""

    leases: list[Lease] = field(default_factory=list)
    strays: list[Event] = field(default_factory=list)
    deaths: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    kept: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    cleared: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    slow: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    frozen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)

    def heard_by(self, worker: str, at: float) -> float:
        """By when the worker's main loop has heard of what one of its lanes learned at `at`."""
        slow = any(since <= at <= until for since, until in self.slow.get(worker, ()))
        lag_s = SLOW_LAG_S if slow else LAG_S
        thaws = (end for since, end in self.frozen.get(worker, ()) if since <= at + lag_s < end)
        return max(thaws, default=at) + lag_s

    def deaths_over(self, item: str, worker: str, before: float) -> int:
        """How often children of the host had died over the item since it was last done."""
        return self._since_done(self.deaths, (pool_of(worker), item), before)

    def has_kept(self, item: str, worker: str, before: float) -> bool:
        """Whether the item's finished video lies on the worker's host."""
        return self._since_done(self.kept, (pool_of(worker), item), before) > 0

    def _since_done(
        self, times: Mapping[tuple[str, str], list[float]], key: tuple[str, str], before: float
    ) -> int:
        since = max((at for at in self.cleared.get(key, ()) if at <= before), default=-1.0)
        return sum(since < at <= before for at in times.get(key, ()))


def read_stories(events: Iterable[Event]) -> Stories:
    """Sort the log into leases.

    An item that comes to a child which has it in work already changes nothing for what is in work:
    what is sent belongs to the earlier lease until that has ended, and only then to the new one.
    """
    stories = Stories(
        deaths=defaultdict(list),
        kept=defaultdict(list),
        cleared=defaultdict(list),
        slow=defaultdict(list),
        frozen=defaultdict(list),
    )
    latest: dict[tuple[str, str], Lease] = {}
    waiting: dict[tuple[str, str], Lease] = {}
    for event in events:
        key = event.worker, event.item
        if event.kind in _OF_A_LEASE and event.item:
            if key in latest:
                latest[key].keep(event)
                if event.kind == "ended" and key in waiting:
                    latest[key] = waiting.pop(key)
            else:
                stories.strays.append(event)
        elif event.kind == "leased":
            lease = Lease(event.worker, event.item, event.value, event.at)
            in_work = key in latest and latest[key].ended_at is None
            (waiting if in_work else latest)[key] = lease
            stories.leases.append(lease)
        _note(stories, event)
    return stories


def _note(stories: Stories, event: Event) -> None:
    host = pool_of(event.worker), event.item
    match event.kind:
        case "added":
            stories.prompts[event.item] = event.text
        case "slow":
            stories.slow[event.worker].append((event.at, event.value))
        case "frozen":
            stories.frozen[event.worker].append((event.at, event.value))
        case "ended":
            if event.text.startswith("suspect"):
                stories.deaths[host].append(event.at)
            if event.what in ("completed", "failed"):
                stories.cleared[host].append(event.at)
        case "suspected":
            stories.deaths[host].append(event.at)
        case "kept":
            stories.kept[host].append(event.at)
        case _:
            pass
