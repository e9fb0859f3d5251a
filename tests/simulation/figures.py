"""A run in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.simulation.history import Event
from tests.simulation.stories import Lease, Stories

_RACE_S = 10.0


@dataclass(frozen=True)
class Figures:
    """Counts of one run.

    `again` are inferences beyond an item's first, for whatever reason; `doubled` those of them that
    began while another child was inferring the same item or after its video was stored. Of two
    children that were handed the same item, `losers` are those that the server forgot, and
    `losers_stopped` those of them that began no inference.
    """

    items: int
    completed: int
    failed: int
    leases: int
    lost: int
    inferences: int
    again: int
    doubled: int
    losers: int
    losers_stopped: int
    polls: int
    requests: int


def count(events: Iterable[Event], stories: Stories, states: Counter[str]) -> Figures:
    """Count a run; `states` are the items' last ones."""
    events = list(events)
    began = Counter(event.item for event in events if event.kind == "began")
    sent = Counter(event.what for event in events if event.kind == "sent" and event.text != "part")
    losers = list(_losers(events, stories))
    return Figures(
        items=states.total(),
        completed=states["completed"],
        failed=states["failed"],
        leases=len(stories.leases),
        lost=sum(event.kind == "ended" and event.what == "lost" for event in events),
        inferences=began.total(),
        again=began.total() - len(began),
        doubled=_doubled(events),
        losers=len(losers),
        losers_stopped=sum(not _inferred(lease) for lease in losers),
        polls=sent["next-task"],
        requests=sent.total(),
    )


def _doubled(events: Iterable[Event]) -> int:
    """Inferences beside another one, or of an item whose video lies in the storage."""
    running: dict[str, str] = {}  # by worker: its device infers one item at a time
    stored: set[str] = set()
    doubled = 0
    for event in events:
        match event.kind:
            case "began":
                others = (item for name, item in running.items() if name != event.worker)
                doubled += event.item in stored or event.item in others
                running[event.worker] = event.item
            case "made" | "ended" if running.get(event.worker) == event.item:
                del running[event.worker]
            case "died" | "exited" | "broke":
                running.pop(event.worker, None)
            case "applied" if event.what == "stored":
                stored.add(event.item)
    return doubled


def _losers(events: Iterable[Event], stories: Stories) -> Iterable[Lease]:
    """Leases that another poll's answer overwrote soon after they were taken."""
    by_pair: dict[tuple[str, str], list[Lease]] = {}
    for lease in stories.leases:
        by_pair.setdefault((lease.worker, lease.item), []).append(lease)
    for event in events:
        if event.kind != "applied" or event.what != "leased" or event.value <= 0:
            continue
        status, _, previous = event.text.partition("/")
        if status != "processing" or previous == event.worker:
            continue
        for lease in by_pair.get((previous, event.item), ()):
            if abs(lease.taken_at - event.at) < _RACE_S:
                yield lease


def _inferred(lease: Lease) -> bool:
    return any(event.kind == "began" for event in lease.events)
