"""L1 to L5: how leases are taken, confirmed, renewed and lost."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from tests.checker.history import (
    RELEASE_S,
    SENT_FOR_A_TASK,
    History,
    Lease,
    loss_of,
    may_be_declared_lost,
    succeeded,
)
from tests.checker.model import Expectations, Violation
from tests.fakes.bad_server.journal import Entry

CONFIRM_AFTER_S = 1.0
_WORKER_ID = re.compile(r"^(?P<pool>.+)-(?:gpu|cpu)\d+-[^-]+$")


def check_leases(history: History, expect: Expectations) -> Iterator[Violation]:
    """Every violation of L1 to L5."""
    for polls in _polls_by_pool(history.log).values():
        yield from _one_poll_in_flight(polls, expect)
        yield from _idle_polls_are_spaced(polls, expect)
    for lease in history.leases:
        yield from _confirmed_before_work(lease, expect, bool(history.events))
        yield from _lost_with_cause(lease, expect)
        yield from _never_shortened(lease, expect)
        yield from _silent_after_a_loss(lease, expect)


def pool_of(worker_id: str) -> str:
    """The pool's part of `<WORKER_ID>-<slot>-<token>`; the whole id where it has no such form."""
    found = _WORKER_ID.match(worker_id)
    return found["pool"] if found else worker_id


def _polls_by_pool(log: Iterable[Entry]) -> dict[str, list[Entry]]:
    pools: dict[str, list[Entry]] = defaultdict(list)
    for entry in log:
        if entry.endpoint == "next-task":
            pools[pool_of(entry.worker_id)].append(entry)
    return pools


def _one_poll_in_flight(polls: Sequence[Entry], expect: Expectations) -> Iterator[Violation]:
    for index, earlier in enumerate(polls):
        for later in polls[index + 1 :]:
            if later.received_s >= _over_s(earlier, expect):
                break
            yield Violation("L1", "two next-task of one pool were in flight", (earlier, later))


def _over_s(poll: Entry, expect: Expectations) -> float:
    # A client that went away did so a little before the server noticed.
    return poll.answered_s if poll.delivered else poll.answered_s - expect.slack_s


def _idle_polls_are_spaced(polls: Sequence[Entry], expect: Expectations) -> Iterator[Violation]:
    if expect.polling_interval_s is None:
        return
    least_s = 0.9 * expect.polling_interval_s - expect.slack_s
    for earlier, later in pairwise(polls):
        gap_s = later.received_s - earlier.received_s
        if _found_nothing(earlier) and gap_s < least_s:
            sentence = f"the pool polled an empty queue again after {gap_s:.2f} s"
            yield Violation("L1", sentence, (earlier, later))


def _found_nothing(poll: Entry) -> bool:
    return poll.delivered and poll.status == 200 and poll.effect is None and not poll.fault


def _confirmed_before_work(
    lease: Lease, expect: Expectations, has_events: bool
) -> Iterator[Violation]:
    work = [event.t for event in lease.saw("infer_started")]
    if not has_events:
        # Without the pool's own log the upload is the first sign of work.
        work = [put.received_s for put in lease.all("upload")]
    if not work:
        return
    # One clock for both: what confirmed it was asked before the work, whatever the machine's load.
    proofs = [
        entry
        for entry in _confirmations(lease, expect)
        if entry.received_s <= work[0] and entry.answered_s <= work[0] + expect.slack_s
    ]
    if not _enough(proofs, expect):
        sentence = f"{lease.worker_id} worked on {lease.item_id} before it had confirmed its lease"
        yield Violation("L2", sentence, (lease.taken, *lease.all("heartbeat")[:3]))


def _confirmations(lease: Lease, expect: Expectations) -> list[Entry]:
    earliest_s = lease.taken_s + CONFIRM_AFTER_S - min(expect.slack_s, 0.1)
    return [
        entry
        for entry in lease.all("heartbeat")
        if succeeded(entry) and entry.received_s >= earliest_s
    ]


def _enough(proofs: Sequence[Entry], expect: Expectations) -> bool:
    if len(proofs) < expect.confirmations:
        return False
    spread_s = proofs[-1].received_s - proofs[0].received_s
    needed_s = (expect.confirmations - 1) * expect.confirmation_gap_s
    return spread_s >= needed_s - min(expect.slack_s, needed_s)


def _lost_with_cause(lease: Lease, expect: Expectations) -> Iterator[Violation]:
    for event in lease.saw("lost"):
        if not may_be_declared_lost(lease, event.t + expect.slack_s, expect):
            sentence = f"{lease.worker_id} held its lease of {lease.item_id} for lost without cause"
            yield Violation("L3", sentence, (*lease.all("heartbeat", "report")[-3:], event))


def _never_shortened(lease: Lease, expect: Expectations) -> Iterator[Violation]:
    for entry in lease.all("heartbeat"):
        effect, extend_s = entry.effect, (entry.request or {}).get("extend_seconds", 300)
        if effect is None or effect.previous_lease_end_s is None or extend_s == RELEASE_S:
            continue
        left_s = effect.previous_lease_end_s - effect.at_s
        if isinstance(extend_s, int | float) and extend_s < left_s - expect.slack_s:
            sentence = f"a heartbeat cut a lease from {left_s:.1f} s to {extend_s} s"
            yield Violation("L4", sentence, (entry,))


def _silent_after_a_loss(lease: Lease, expect: Expectations) -> Iterator[Violation]:
    loss = loss_of(lease, expect)
    if loss is None:
        return
    limit_s = loss.at_s + expect.slack_s
    sentence = f"{lease.worker_id} went on with {lease.item_id} after {loss.why}"
    late = [entry for entry in lease.all(*SENT_FOR_A_TASK) if entry.received_s > limit_s]
    for entry in late:
        yield Violation("L5", sentence, (*loss.evidence, entry))
    for event in lease.saw("infer_started"):
        if event.t > limit_s:
            yield Violation("L5", sentence, (*loss.evidence, event))
