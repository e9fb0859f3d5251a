"""What was bought: by the pool's journal, and by the Runway that sold it."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from inference.runway.attempts import State


@dataclass(frozen=True)
class Purchase:
    """One row of the journal. `resumed`: how often another lease took the task up."""

    item_id: str
    lease_id: str
    state: State
    task_id: str | None
    resumed: int


def read_purchases(journal: Path) -> list[Purchase]:
    """Every intent to buy, oldest first; none where nothing was bought yet."""
    if not journal.exists():
        return []
    # Not read-only: whoever reads first after a kill rolls back what the dead child had begun.
    with closing(sqlite3.connect(journal, timeout=20)) as db:
        rows = db.execute(
            "select item_id, lease_id, state, task_id, resumed from attempts order by number"
        )
        return [Purchase(item, lease, State(state), *rest) for item, lease, state, *rest in rows]


def paid_too_often(
    purchases: Sequence[Purchase], sold: Mapping[str, str], leases: Counter[str]
) -> Iterator[str]:
    """Every purchase that should not have been, in a sentence.

    `sold` is what Runway made, task to item; `leases` counts how often each item was leased.
    """
    spent = [purchase for purchase in purchases if purchase.state is not State.UNSENT]
    for lease, count in Counter(purchase.lease_id for purchase in spent).items():
        if count > 1:
            yield f"P1: {count} paid creates were begun within the lease {lease}"
    begun = Counter(purchase.item_id for purchase in spent)
    # One that was cancelled, as a lost lease does, is gone: another lease buys anew.
    at_hand = Counter(p.item_id for p in spent if p.state in (State.LIVE, State.DONE))
    for item, made in Counter(sold.values()).items():
        if made > begun[item]:
            yield f"P1: {item} was bought {made} times, and the journal does not know of it"
        if at_hand[item] > 1:
            yield f"P1: {item} was bought again though its task was known"
        if made > leases[item]:
            yield f"P1: {item} was bought {made} times in {leases[item]} leases"


def bought_in_vain(sold: Mapping[str, str]) -> int:
    """Tasks beyond an item's first: their creates died with the child, before the answer."""
    return sum(count - 1 for count in Counter(sold.values()).values())
