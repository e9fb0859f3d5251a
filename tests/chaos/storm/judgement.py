"""What a storm may not leave behind: broken rules, lost items, processes, locks, files, secrets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from tests.chaos.storm.field import GIVES_UP_S, Deaf, Field
from tests.checker import (
    Event,
    Expectations,
    Verdict,
    Violation,
    check,
    check_leftovers,
    find_secrets,
    find_shown_secrets,
    gather_leftovers,
    marked,
    read_events,
    verdict,
)
from tests.checker.lease_rules import pool_of
from tests.checker.model import CROWDED_S
from tests.fakes.bad_server import Entry, Item, StoredObject

DOUBTFUL = ("L1", "L3")
"""Rules whose keeping depends on which answers arrived."""


@dataclass(frozen=True)
class Judgement:
    """`broken` says everything that may not be, in sentences; the rest are figures.

    `inferences` are those that were begun, `videos` those of them that came to a whole file.
    """

    broken: Sequence[str]
    counts: Verdict
    inferences: int
    videos: int
    reasons: Sequence[str]
    orphans: int
    locks: int
    files: int
    secrets: int


@dataclass(frozen=True)
class _Snapshot:
    """What is in the store, asked for once."""

    rows: Sequence[Item]
    videos: Mapping[str, StoredObject]

    def items(self) -> Sequence[Item]:
        return self.rows

    def objects(self) -> Mapping[str, StoredObject]:
        return self.videos


def shown_secrets(field: Field) -> list[Violation]:
    """The secrets that the command lines of the pools show while they run."""
    processes = [process for pool in field.pools for process in marked(pool.mark)]
    return find_shown_secrets(field.server.secrets(), processes)


def judge(field: Field, shown: Sequence[Violation]) -> Judgement:
    """Judge what is there when every pool has ended; `shown` was there before."""
    log = field.server.entries()
    store = _Snapshot(field.server.items(), field.server.objects())
    events = [
        event for pool in field.pools for event in read_events(pool.folder / "state" / "events")
    ]
    found = [gather_leftovers(pool.mark, pool.folder) for pool in field.pools]
    left = [violation for leftovers in found for violation in check_leftovers(leftovers)]
    written = find_secrets(field.server.secrets(), [pool.folder for pool in field.pools])
    secrets = [*shown, *written]
    broken = [
        *broken_rules(log, store, events, field.deaf),
        *left,
        *secrets,
        *(odd for pool in field.pools for odd in pool.odd),
    ]
    return Judgement(
        broken=[str(sentence) for sentence in broken],
        counts=verdict(log, store, events),
        inferences=sum(event.event == "infer_started" for event in events),
        videos=sum(event.event == "kept" for event in events),
        reasons=[item.error_message for item in store.items() if item.status == "failed"],
        orphans=sum(len(leftovers.processes) for leftovers in found),
        locks=sum(len(leftovers.locks) for leftovers in found),
        files=sum(len(leftovers.files) for leftovers in found),
        secrets=len(secrets),
    )


def broken_rules(
    log: Sequence[Entry], store: _Snapshot, events: Sequence[Event], deaf: Sequence[Deaf]
) -> list[Violation]:
    """Every broken rule, as far as it is certain.

    The server cannot know which of its answers were lost on their way: a lease whose renewal was
    answered to the wind is rightly given up, and to the server it looks like a good one; a poll
    that a trickle brings long after its sender gave up seems to meet the next one. Nor does it see
    an upload that never reached it, after which a worker rightly asks with a report whether the
    video is there.
    """
    expect = Expectations(slack_s=CROWDED_S, may_fail=_poison(events))
    log = [*log, *_lost_uploads(log, deaf)]
    broken = check(log, store, events, expect)
    if any(violation.rule in DOUBTFUL for violation in broken):
        certain = check(_as_the_senders_saw_it(log, events, deaf), store, events, expect)
        broken = [violation for violation in broken if violation.rule not in DOUBTFUL]
        broken += [violation for violation in certain if violation.rule in DOUBTFUL]
    return broken


def _poison(events: Iterable[Event]) -> frozenset[str]:
    """The items over which two children of one host died."""
    deaths = [(pool_of(e.worker_id), e.item_id) for e in events if e.event == "died"]
    return frozenset(item for host, item in deaths if deaths.count((host, item)) > 1)


def _as_the_senders_saw_it(
    log: Sequence[Entry], events: Iterable[Event], deaf: Sequence[Deaf]
) -> list[Entry]:
    """The log with every answer that may have been lost taken for lost."""
    pids = {event.worker_id: event.pid for event in events if event.event != "died"}

    def may_be_lost(entry: Entry) -> bool:
        who = (pool_of(entry.worker_id), pids.get(entry.worker_id))
        return any(_was_deaf(spell, *who, entry) for spell in deaf)

    def given_up(entry: Entry) -> Entry:
        ended_s = min(entry.answered_s, entry.received_s + GIVES_UP_S)
        return replace(entry, delivered=False, answered_s=ended_s)

    return [given_up(entry) if may_be_lost(entry) else entry for entry in log]


def _lost_uploads(log: Sequence[Entry], deaf: Sequence[Deaf]) -> Iterator[Entry]:
    """The uploads that the wind may have taken: signed for, and never seen."""
    seen = {entry.signed_by for entry in log}
    for entry in log:
        signed = entry.endpoint == "presign-upload" and entry.status == HTTPStatus.OK
        if signed and entry.seq not in seen and any(_was_deaf(s, "", None, entry) for s in deaf):
            yield replace(entry, endpoint="upload", delivered=False, effect=None, status=None)


def _was_deaf(spell: Deaf, pool: str, pid: int | None, entry: Entry) -> bool:
    here = spell.pool in (None, pool) and spell.pid in (None, pid)
    since_s, until_s = spell.since_s - GIVES_UP_S, spell.until_s + CROWDED_S
    return here and since_s <= entry.answered_s and entry.received_s <= until_s
