"""P1: what was bought, by the pool's journal and by the Runway that sold it."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from inference.runway.attempts import UNPAID, State
from inference.runway.journal import FILE
from tests.checker.model import Violation
from tests.fakes.bad_server.items import Item
from tests.fakes.bad_server.journal import Entry
from tests.fakes.runway.tasks import Task


@dataclass(frozen=True)
class Purchase:
    """One row of the journal. `resumed`: how often another lease took the task up."""

    item_id: str
    lease_id: str
    state: State
    task_id: str | None
    resumed: int


def read_purchases(state: Path) -> list[Purchase]:
    """Every intent to buy in a state folder, oldest first; none where nothing was bought yet."""
    journal = state / "runway" / FILE
    if not journal.exists():
        return []
    # Not read-only: whoever reads first after a kill rolls back what the dead child had begun.
    with closing(sqlite3.connect(journal, timeout=20)) as db:
        rows = db.execute(
            "select item_id, lease_id, state, task_id, resumed from attempts order by number"
        )
        return [Purchase(item, lease, State(state), *rest) for item, lease, state, *rest in rows]


def sold_by(tasks: Iterable[Task], items: Iterable[Item]) -> dict[str, str]:
    """What Runway made, task to item. They are matched by their prompts, which must differ."""
    prompts = {item.prompt: item.item_id for item in items}
    return {task.task_id: prompts[task.body["promptText"]] for task in tasks}


def leases_given(log: Iterable[Entry]) -> Counter[str]:
    """How often each item was leased."""
    return Counter(e.effect.item_id for e in log if e.effect and e.effect.kind == "leased")


def paid_too_often(
    purchases: Sequence[Purchase], sold: Mapping[str, str], leases: Counter[str]
) -> Iterator[Violation]:
    """Every purchase that should not have been; `sold` is task to item."""
    spent = [purchase for purchase in purchases if purchase.state not in UNPAID]
    for lease, count in Counter(purchase.lease_id for purchase in spent).items():
        if count > 1:
            yield Violation("P1", f"{count} paid creates were begun within the lease {lease}")
    begun = Counter(purchase.item_id for purchase in spent)
    # One that was cancelled, as a lost lease does, is gone: another lease buys anew.
    at_hand = Counter(p.item_id for p in spent if p.state in (State.LIVE, State.DONE))
    for item, made in Counter(sold.values()).items():
        if made > begun[item]:
            sentence = f"{item} was bought {made} times, and the journal does not know of it"
            yield Violation("P1", sentence)
        if at_hand[item] > 1:
            yield Violation("P1", f"{item} was bought again though its task was known")
        if made > leases[item]:
            yield Violation("P1", f"{item} was bought {made} times in {leases[item]} leases")


def bought_in_vain(sold: Mapping[str, str]) -> int:
    """Tasks beyond an item's first: their creates died with the child, before the answer."""
    return sum(count - 1 for count in Counter(sold.values()).values())
