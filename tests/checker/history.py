"""The log, read as leases: who held what, what each holder sent, and when it had lost.

A lease here is one `next-task` whose answer reached its worker. Presigns and storage requests bear
no worker's id, so they are attributed: a PUT to the presign that its URL came from, a presign to
the one worker seen on its connection. What is still nobody's goes to a lease that had the right
to send it, if there is one: the checker accuses only where it is sure.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tests.checker.model import Event, Expectations
from tests.fakes.bad_server.journal import Entry

RELEASE_S = 1
LOSS_GAP_S = 2.0
SENT_FOR_A_TASK = ("heartbeat", "report", "presign-download", "presign-upload", "upload")


@dataclass(frozen=True)
class Loss:
    """From `at_s` on a lease is over for its worker."""

    at_s: float
    why: str
    evidence: tuple[Entry, ...] = ()
    released: bool = False


@dataclass(frozen=True)
class Lease:
    """One lease: the poll that took it, what was sent for it, what its child says it did.

    `perhaps` are requests for the item that bear no worker's id and may have been this one's as
    well as another's: two pools that raced for an item sign at the same moments.
    """

    taken: Entry
    sent: tuple[Entry, ...]
    events: tuple[Event, ...]
    perhaps: tuple[Entry, ...] = ()

    @property
    def worker_id(self) -> str:
        """Who took it."""
        return self.taken.worker_id

    @property
    def item_id(self) -> str:
        """What was taken."""
        return self.taken.effect.item_id if self.taken.effect else ""

    @property
    def taken_s(self) -> float:
        """When the server wrote it."""
        return self.taken.effect.at_s if self.taken.effect else self.taken.answered_s

    def all(self, *endpoints: str) -> list[Entry]:
        """What was sent to these endpoints, in order of arrival."""
        return [entry for entry in self.sent if entry.endpoint in endpoints]

    def saw(self, *kinds: str) -> list[Event]:
        """The events of these kinds, by time."""
        return [event for event in self.events if event.event in kinds]


@dataclass(frozen=True)
class History:
    """The whole run."""

    log: tuple[Entry, ...]
    leases: tuple[Lease, ...]
    events: tuple[Event, ...]


def read_history(log: Iterable[Entry], events: Iterable[Event], expect: Expectations) -> History:
    """Sort the log's lines, and the pool's events, into leases."""
    entries = tuple(sorted(log, key=lambda entry: entry.received_s))
    happened = tuple(sorted(events, key=lambda event: event.t))
    polls = [entry for entry in entries if _is_a_known_lease(entry)]
    taken: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for poll in polls:
        taken[poll.worker_id, _leased_item(poll)].append(poll)
    done: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in happened:
        done[event.worker_id, event.item_id].append(event)
    attributed = Attribution(entries)
    sent: dict[int, list[Entry]] = defaultdict(list)
    nobodys: list[Entry] = []
    for entry in entries:
        if entry.endpoint not in SENT_FOR_A_TASK or not entry.item_id:
            continue
        worker = attributed.worker_of(entry)
        poll = _last(taken[worker, entry.item_id], entry.received_s) if worker else None
        if poll is not None:
            sent[poll.seq].append(entry)
        elif worker is None:
            nobodys.append(entry)
    leases = [
        _lease(poll, sent[poll.seq], done[who], taken[who])
        for poll in polls
        for who in [(poll.worker_id, _leased_item(poll))]
    ]
    return History(entries, tuple(_give_away(nobodys, leases, expect)), happened)


def succeeded(entry: Entry) -> bool:
    """Whether the sender was told of its success: a page or garbage under a 200 tells nothing."""
    return entry.status == 200 and entry.delivered and entry.fault != "Canned"


def _is_a_known_lease(entry: Entry) -> bool:
    leased = entry.effect is not None and entry.effect.kind == "leased"
    # A lease under another item's id is not known to its worker as what it is.
    renamed = entry.fault.startswith("Overlay") and "item_id" in entry.fault
    return leased and succeeded(entry) and not renamed


def _leased_item(entry: Entry) -> str:
    return entry.effect.item_id if entry.effect else ""


def _last(polls: Sequence[Entry], before_s: float) -> Entry | None:
    return next((poll for poll in reversed(polls) if poll.received_s <= before_s), None)


def _lease(
    poll: Entry, sent: Sequence[Entry], events: Iterable[Event], polls: Sequence[Entry]
) -> Lease:
    """The lease that `poll` took; `events` and `polls` are those of its worker and item."""
    own = [event for event in events if _last(polls, event.t) == poll]
    return Lease(poll, tuple(sent), tuple(own))


class Attribution:
    """Who sent the requests that bear no worker's id."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        workers: dict[int, set[str]] = defaultdict(set)
        for entry in entries:
            if entry.worker_id:
                workers[entry.connection].add(entry.worker_id)
        # A connection belongs to one process, and a process has one worker id; where a proxy
        # shares connections, it says nothing.
        self._owner = {number: min(ids) for number, ids in workers.items() if len(ids) == 1}
        self._by_seq = {entry.seq: entry for entry in entries}

    def worker_of(self, entry: Entry) -> str | None:
        """The worker, or None where the log does not tell."""
        if entry.worker_id:
            return entry.worker_id
        if entry.endpoint == "upload" and entry.signed_by in self._by_seq:
            return self.worker_of(self._by_seq[entry.signed_by])
        return self._owner.get(entry.connection)


def _give_away(
    nobodys: Sequence[Entry], leases: Sequence[Lease], expect: Expectations
) -> list[Lease]:
    given: dict[int, list[Entry]] = defaultdict(list)
    perhaps: dict[int, list[Entry]] = defaultdict(list)
    losses = {lease.taken.seq: loss_of(lease, expect) for lease in leases}
    of_item: dict[str, list[Lease]] = defaultdict(list)
    for lease in leases:
        of_item[lease.item_id].append(lease)
    for entry in nobodys:
        held = [
            lease for lease in of_item[entry.item_id] if lease.taken.received_s <= entry.received_s
        ]
        rightful = [
            lease
            for lease in held
            if (loss := losses[lease.taken.seq]) is None or entry.received_s <= loss.at_s
        ]
        for lease in held:
            perhaps[lease.taken.seq].append(entry)
        for lease in (rightful or held)[-1:]:
            given[lease.taken.seq].append(entry)
    return [_with(lease, given[lease.taken.seq], perhaps[lease.taken.seq]) for lease in leases]


def _with(lease: Lease, more: Sequence[Entry], perhaps: Sequence[Entry]) -> Lease:
    sent = sorted((*lease.sent, *more), key=lambda entry: entry.received_s)
    return Lease(lease.taken, tuple(sent), lease.events, tuple(perhaps))


def loss_of(lease: Lease, expect: Expectations) -> Loss | None:
    """When the worker had to know that its lease is over; None when a report was answered first.

    Where nothing else ends it, it is over at its local deadline, which may lie after the run.
    """
    deadline = _deadline(lease.taken, _seconds(lease.taken, "lease_duration_seconds", 600))
    first_404: Entry | None = None
    for entry in lease.all("heartbeat", "report"):
        if entry.received_s > deadline or not entry.delivered:
            continue
        if succeeded(entry) and entry.endpoint == "report":
            return None
        if entry.status == 403:
            return Loss(entry.answered_s, "it was answered 403", (entry,))
        if entry.status == 404:
            first_404 = first_404 or entry
            if entry.received_s - first_404.received_s >= LOSS_GAP_S + expect.slack_s:
                return Loss(entry.answered_s, "it was answered 404 twice", (first_404, entry))
        elif succeeded(entry) and entry.answered_s <= deadline:
            first_404 = None
            extend_s = _seconds(entry, "extend_seconds", 300)
            if extend_s == RELEASE_S:
                return Loss(entry.answered_s, "it gave the lease back", (entry,), released=True)
            deadline = _deadline(entry, extend_s)
    return Loss(deadline, "its local deadline had passed")


def may_be_declared_lost(lease: Lease, at_s: float, expect: Expectations) -> bool:
    """Whether a worker may hold its lease for lost at `at_s`: two 404s, a 403 or the deadline.

    `at_s` is by the slack later than the worker said so, and an answer that left less than the
    slack before that may not have been taken in.
    """
    answered = [e for e in lease.all("heartbeat", "report") if e.answered_s <= at_s]
    refused = any(entry.delivered and entry.status == 403 for entry in answered)
    not_found = [entry for entry in answered if entry.delivered and entry.status == 404]
    apart = bool(not_found) and (
        not_found[-1].answered_s - not_found[0].received_s >= LOSS_GAP_S - expect.slack_s
    )
    taken_in = [entry for entry in lease.sent if entry.answered_s <= at_s - 2 * expect.slack_s]
    loss = loss_of(replace(lease, sent=tuple(taken_in)), expect)
    return refused or apart or (loss is not None and at_s >= loss.at_s - expect.slack_s)


def _seconds(entry: Entry, key: str, default: float) -> float:
    value = (entry.request or {}).get(key, default)
    return float(value) if isinstance(value, int | float) else default


def _deadline(entry: Entry, lease_s: float) -> float:
    return entry.received_s + lease_s - min(30.0, lease_s / 10)
