"""A run in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.checker.history import History, Lease, loss_of, read_history
from tests.checker.model import Event, Expectations, Store
from tests.fakes.bad_server.journal import Entry


@dataclass(frozen=True)
class Verdict:
    """Counts at the end of a run.

    `leases` are those whose answer reached a worker; `lost` are those of them that ended in a 403,
    in two 404s or at the deadline, within the run. `duplicated_inferences` counts every inference
    of an item beyond its first; without the pool's events, every lease beyond the first that sent
    the item's video.
    """

    items: int
    completed: int
    failed: int
    pending: int
    videos: int
    leases: int
    lost: int
    duplicated_inferences: int


def verdict(log: Iterable[Entry], store: Store, events: Iterable[Event] = ()) -> Verdict:
    """Count a run."""
    expect = Expectations()
    history = read_history(log, events, expect)
    states = Counter(item.status for item in store.items())
    ended = states["completed"] + states["failed"]
    return Verdict(
        items=states.total(),
        completed=states["completed"],
        failed=states["failed"],
        pending=states.total() - ended,
        videos=len(store.objects()),
        leases=len(history.leases),
        lost=sum(_was_lost(lease, history, expect) for lease in history.leases),
        duplicated_inferences=_duplicated(history),
    )


def _was_lost(lease: Lease, history: History, expect: Expectations) -> bool:
    loss = loss_of(lease, expect)
    if loss is None or loss.released:
        return False
    return loss.at_s <= history.log[-1].answered_s


def _duplicated(history: History) -> int:
    if history.events:
        begun = Counter(e.item_id for e in history.events if e.event == "infer_started")
    else:
        begun = Counter(lease.item_id for lease in history.leases if lease.all("upload"))
    return sum(count - 1 for count in begun.values())
