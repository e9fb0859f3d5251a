"""R1 to R4: what is reported, and what must have happened before."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.checker.history import History, Lease, succeeded
from tests.checker.host_rules import DEATHS_TO_POISON
from tests.checker.lease_rules import pool_of
from tests.checker.model import Event, Expectations, Violation
from tests.fakes.bad_server.journal import Effect, Entry

_NOT_FOR_PEOPLE = re.compile(
    r"Traceback|File \"|0x[0-9a-f]{6}|\b\w+(?:Error|Exception)\b|site-packages"
)
_OUR_FAULTS = re.compile(
    r"CUDA|out of memory|NVML|No space left|Connection (?:refused|reset)|SIG(?:TERM|KILL|INT)",
    re.IGNORECASE,
)
LONGEST_REASON = 500


def check_reports(history: History, expect: Expectations) -> Iterator[Violation]:
    """Every violation of R1 to R4."""
    shelf = Shelf.of(history.log)
    for report in history.log:
        if report.endpoint == "report":
            yield from _completed_after_bytes(report, shelf, history.log)
            yield from _failed_for_its_own_fault(report, history.events, expect)
    yield from _never_failed_after_completed(history.log)
    signed = {entry.seq: entry for entry in history.log if entry.endpoint == "presign-upload"}
    for lease in history.leases:
        yield from _signed_early(lease)
        yield from _signed_right_before(lease, signed, expect)


@dataclass(frozen=True)
class Shelf:
    """Which objects were there when, by path."""

    changes: Mapping[str, tuple[Effect, ...]]

    @classmethod
    def of(cls, log: Iterable[Entry]) -> "Shelf":
        """Read from every `stored` and `deleted` effect."""
        effects = [e.effect for e in log if e.effect and e.effect.kind in ("stored", "deleted")]
        effects.sort(key=lambda effect: effect.at_s)
        paths = {effect.path for effect in effects}
        return cls({path: tuple(e for e in effects if e.path == path) for path in paths})

    def has(self, path: str, at_s: float) -> bool:
        """Whether an object was at `path`."""
        before = [change for change in self.changes.get(path, ()) if change.at_s <= at_s]
        return bool(before) and before[-1].kind == "stored"


def _wants(report: Entry, status: str) -> bool:
    return (report.request or {}).get("status") == status


def _completed_after_bytes(
    report: Entry, shelf: Shelf, log: Iterable[Entry]
) -> Iterator[Violation]:
    if not _wants(report, "completed"):
        return
    path = str((report.request or {}).get("video_storage_path", ""))
    if PurePosixPath(path).stem != report.item_id:
        yield Violation("R1", f"{report.item_id} was reported with another item's video", (report,))
    elif not shelf.has(path, report.received_s) and not _is_a_probe(report, log):
        sentence = f"{report.item_id} was reported completed before its bytes were stored"
        yield Violation("R1", sentence, (report,))


def _is_a_probe(report: Entry, log: Iterable[Entry]) -> bool:
    """A report that asks whether the object exists, and was answered no.

    There is reason to ask when signing was refused, or when an upload was sent without an answer.
    """
    asked_for = any(
        entry.item_id == report.item_id
        and entry.received_s <= report.received_s
        and (
            (entry.endpoint == "presign-upload" and entry.status == 500)
            or (entry.endpoint == "upload" and _says_nothing(entry))
        )
        for entry in log
    )
    return asked_for and report.effect is None


def _says_nothing(upload: Entry) -> bool:
    """Whether its sender could not know what became of an upload."""
    status = upload.status or 500
    return not upload.delivered or status >= 500 or (status == 200 and not succeeded(upload))


def _never_failed_after_completed(log: Iterable[Entry]) -> Iterator[Violation]:
    completed: dict[tuple[str, str], Entry] = {}
    for report in log:
        if report.endpoint != "report":
            continue
        who = (report.worker_id, report.item_id)
        if _wants(report, "completed"):
            completed.setdefault(who, report)
        elif _wants(report, "failed") and who in completed:
            sentence = f"{report.worker_id} sent failed for {report.item_id} after completed"
            yield Violation("R2", sentence, (completed[who], report))


def _failed_for_its_own_fault(
    report: Entry, events: Iterable[Event], expect: Expectations
) -> Iterator[Violation]:
    if not _wants(report, "failed"):
        return
    message = str((report.request or {}).get("error_message", ""))
    if expect.may_fail is not None and report.item_id not in expect.may_fail:
        sentence = f"{report.item_id} is a good task and was reported failed: {message}"
        yield Violation("R3", sentence, (report,))
    elif _OUR_FAULTS.search(message) and not _killed_two_children(report, events):
        yield Violation("R3", f"a fault of ours was reported failed: {message}", (report,))


def _killed_two_children(report: Entry, events: Iterable[Event]) -> bool:
    """Whether the item had taken two children of the reporter's host with it, however they died."""
    deaths = [
        event
        for event in events
        if (event.event, event.item_id) == ("died", report.item_id)
        and pool_of(event.worker_id) == pool_of(report.worker_id)
        and event.t <= report.received_s
    ]
    return len(deaths) >= DEATHS_TO_POISON


def why_not_understood(message: str) -> str | None:
    """Why a person would not understand a reason for a failure; None when one would."""
    if " " not in message.strip():
        return "it is no sentence"
    if len(message) > LONGEST_REASON:
        return "it is too long"
    found = _NOT_FOR_PEOPLE.search(message)
    return f"it speaks of {found.group()!r}" if found else None


def _signed_early(lease: Lease) -> Iterator[Violation]:
    signed = [*lease.all("presign-upload"), *lease.perhaps]
    for event in lease.saw("infer_started")[:1]:
        if not any(e.endpoint == "presign-upload" and e.answered_s <= event.t for e in signed):
            sentence = f"{lease.worker_id} began {lease.item_id} without signing its upload first"
            yield Violation("R4", sentence, (lease.taken, event))


def _signed_right_before(
    lease: Lease, signed: Mapping[int, Entry], expect: Expectations
) -> Iterator[Violation]:
    began_s = min((event.t for event in lease.saw("infer_started")), default=float("-inf"))
    for put in lease.all("upload"):
        presign = signed.get(put.signed_by) if put.signed_by is not None else None
        if presign is None:
            continue
        age_s = put.received_s - presign.answered_s
        if presign.received_s < began_s or age_s > expect.presign_to_put_s:
            sentence = f"the upload of {lease.item_id} used a URL signed {age_s:.1f} s before"
            yield Violation("R4", sentence, (presign, put))
