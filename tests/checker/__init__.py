"""Proves, from what the server saw and what the pool wrote, that a run kept the lease rules.

`check` names every rule that was broken; `verdict` counts. Both are pure: they read the fake
server's log, what is stored in the end, and, where the pool wrote them, its own events. What only
the host can show (processes, locks, files, secrets) is gathered and checked by `leftovers`.
`judged_pools` does all of it to every pool that a test starts.
"""

from collections.abc import Iterable

from tests.checker.end_rules import check_end
from tests.checker.history import read_history
from tests.checker.host_rules import check_host
from tests.checker.lease_rules import check_leases
from tests.checker.leftovers import (
    MARK,
    Leftovers,
    check_leftovers,
    find_secrets,
    find_shown_secrets,
    gather_leftovers,
    marked,
)
from tests.checker.model import Event, Expectations, Store, Violation, read_events
from tests.checker.report_rules import check_reports
from tests.checker.verdict import Verdict, verdict
from tests.fakes.bad_server.journal import Entry

__all__ = [
    "MARK",
    "Event",
    "Expectations",
    "Leftovers",
    "Store",
    "Verdict",
    "Violation",
    "check",
    "check_leftovers",
    "find_secrets",
    "find_shown_secrets",
    "gather_leftovers",
    "marked",
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
