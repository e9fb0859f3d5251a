"""Proves, from what the server saw and what the pool wrote, that a run kept the lease rules.

`check` names every rule that was broken; `verdict` counts. Both are pure: they read the fake
server's log, what is stored in the end, and, where the pool wrote them, its own events. What only
the host can show (processes, locks, files, secrets) is gathered and checked by `end_rules`.
"""

from collections.abc import Iterable

from tests.checker.end_rules import (
    Leftovers,
    check_end,
    check_leftovers,
    find_secrets,
    gather_leftovers,
)
from tests.checker.history import read_history
from tests.checker.host_rules import check_host
from tests.checker.lease_rules import check_leases
from tests.checker.model import Event, Expectations, Store, Violation, read_events
from tests.checker.report_rules import check_reports
from tests.checker.verdict import Verdict, verdict
from tests.fakes.bad_server.journal import Entry

__all__ = [
    "Event",
    "Expectations",
    "Leftovers",
    "Store",
    "Verdict",
    "Violation",
    "check",
    "check_leftovers",
    "find_secrets",
    "gather_leftovers",
    "read_events",
    "verdict",
]


def check(
    log: Iterable[Entry],
    store: Store,
    events: Iterable[Event] = (),
    expect: Expectations | None = None,
) -> list[Violation]:
    """Every rule that the run broke; empty when it kept them all."""
    expect = expect or Expectations()
    history = read_history(log, events, expect)
    return [
        *check_leases(history, expect),
        *check_reports(history, expect),
        *check_host(history),
        *check_end(history, store, expect),
    ]
