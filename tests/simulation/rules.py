"""What must hold in every run. Written from the rules of the lease, not from the code that obeys.

The numbers are repeated here on purpose: a constant that is changed in the code is a finding.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tests.simulation.history import Event
from tests.simulation.settings import LIMITS, Settings
from tests.simulation.stories import Lease, Stories

CONFIRM_AFTER_S = 1.0
CONFIRM_GAP_S = 5.0
LOSS_GAP_S = 2.0
MARGIN_SHARE = 0.1
MARGIN_CAP_S = 30.0
POISON_DEATHS = 2
EPSILON_S = 1e-3
_BEAT_S = 1.1
_OWN_FAULT = {
    "refuse": "The photo could not be read.",
    "bad always": "no usable video came out, twice",
    "hostile": "frame_num is not between",
}


class Violation(NamedTuple):
    """A rule that was broken, when, by whom, over which item."""

    rule: str
    at: float
    worker: str
    item: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.at:.3f}: {self.worker} {self.item}: {self.sentence}"


@dataclass
class Belief:
    """What a worker can know of its lease, from the answers that it got."""

    deadline: float
    first_404_at: float | None = None
    lost_at: float | None = None
    why: str = ""
    deadline_before: float = 0.0
    renewal_heard_by: float = 0.0

    @classmethod
    def of(cls, lease: Lease, lease_s: float) -> "Belief":
        """At the moment of taking it."""
        return cls(lease.asked_at + _believed_s(lease_s))

    def learn(self, event: Event, lease_s: float, heard_by: Callable[[float], float]) -> None:
        """Take in an answer to a heartbeat or a report.

        An answer comes to a lane; `heard_by` tells by when the loop, which decides, has heard of it
        as well. Two 404s count as far apart as the loop heard of them.
        """
        if event.what not in ("heartbeat", "report") or self.lost_at is not None:
            return
        if event.text == "NotYours":
            self.lost_at, self.why = heard_by(event.at), "a 403"
        elif event.text == "NoSuchLease":
            if self.first_404_at is None:
                self.first_404_at = event.at
            elif event.at - heard_by(self.first_404_at) >= LOSS_GAP_S:
                self.lost_at, self.why = heard_by(event.at), "two 404s"
        elif event.text == "ok" and event.what == "heartbeat":
            self.deadline_before, self.renewal_heard_by = self.deadline, heard_by(event.at)
            self.deadline = event.value + _believed_s(lease_s)
            self.first_404_at = None

    @property
    def over_at(self) -> float:
        """From when on nothing may be sent."""
        return self.deadline if self.lost_at is None else min(self.deadline, self.lost_at)

    def may_be_over(self, at: float) -> bool:
        """Whether the worker has cause to hold the lease for lost."""
        first = self.first_404_at
        missed_twice = first is not None and at - first >= LOSS_GAP_S
        unheard = at <= self.renewal_heard_by and at >= self.deadline_before - EPSILON_S
        past = at >= self.deadline - EPSILON_S
        return self.lost_at is not None or missed_twice or unheard or past


def _believed_s(lease_s: float) -> float:
    return lease_s - min(MARGIN_CAP_S, MARGIN_SHARE * lease_s)


def of_a_lease(lease: Lease, stories: Stories, settings: Settings) -> Iterator[Violation]:
    """Every violation within one lease."""
    yield from _lost(lease, stories, settings)
    yield from _confirmed(lease, settings.confirmations)
    yield from _renewed_only_while_it_moves(lease)
    yield from _reports(lease, stories)
    yield from _signed(lease)
    yield from _not_made_again(lease, stories)


def _lost(lease: Lease, stories: Stories, settings: Settings) -> Iterator[Violation]:
    """L3 and L5."""
    belief, late_steps, ended = Belief.of(lease, settings.lease_s), 0, False
    heard_by = partial(stories.heard_by, lease.worker)
    for event in lease.events:
        late = event.at > belief.over_at + EPSILON_S
        if event.kind == "answered":
            belief.learn(event, settings.lease_s, heard_by)
        elif event.kind == "sent" and (late or ended):
            why = "its end" if ended else belief.why or "its deadline"
            yield _by(lease, "L5", event, f"sent {event.what} {event.text} after {why}")
        elif event.kind == "step" and late:
            late_steps += 1
            if late_steps > 1:
                yield _by(lease, "L5", event, "went on inferring after the loss")
        elif event.kind == "ended":
            ended = True
            if event.what == "lost" and not belief.may_be_over(event.at):
                yield _by(lease, "L3", event, f"held for lost without cause: {event.text}")


def _confirmed(lease: Lease, needed: int) -> Iterator[Violation]:
    """L2."""
    due_at, proofs = lease.taken_at + CONFIRM_AFTER_S, 0
    for event in lease.events:
        if event.kind == "answered" and event.what == "heartbeat" and event.text == "ok":
            if event.value >= due_at - EPSILON_S:
                due_at, proofs = event.value + CONFIRM_GAP_S, proofs + 1
        elif event.kind == "began" and proofs < needed:
            yield _by(lease, "L2", event, f"inferred after {proofs} confirmations")


def _renewed_only_while_it_moves(lease: Lease) -> Iterator[Violation]:
    """L4."""
    moved_at, steps = None, 0
    for event in lease.events:
        match event.kind:
            case "began" | "step":
                moved_at, steps = event.at, 0 if event.kind == "began" else steps + 1
            case "made" | "ended":
                moved_at = None
            case "sent" if moved_at is not None and event.what == "heartbeat" and event.text != "1":
                limit_s = LIMITS.stages["first_step" if steps <= 1 else "infer"]
                if event.at - moved_at > limit_s + _BEAT_S:
                    yield _by(lease, "L4", event, "renewed while its inference hung")


def _reports(lease: Lease, stories: Stories) -> Iterator[Violation]:
    """R1, R2 and R3.

    A `completed` may also be a look whether the object is there, which the server takes before it
    believes it: when signing an upload was refused, or a whole video went out without an answer.
    That none is completed without its object is an end rule.
    """
    stored = refused = completed = False
    for event in lease.events:
        if event.kind == "answered":
            stored |= event.what == "upload" and event.text == "ok"
            refused |= event.what == "presign-upload" and event.text != "ok"
        elif event.kind == "sent" and event.what == "upload":
            refused |= event.text == "whole"
        elif event.kind == "sent" and event.what == "report":
            if event.text.startswith("completed"):
                completed = True
                if not stored and not refused:
                    yield _by(lease, "R1", event, "reported completed before it had stored it")
            elif completed:
                yield _by(lease, "R2", event, "sent failed after completed")
            elif not _may_fail(lease, event, stories):
                yield _by(lease, "R3", event, f"a good task: {event.text}")


def _may_fail(lease: Lease, event: Event, stories: Stories) -> bool:
    reason = event.text.removeprefix("failed ")
    if reason.startswith("crashed the worker twice"):
        return stories.deaths_over(lease.item, lease.worker, event.at) >= POISON_DEATHS
    expected = _OWN_FAULT.get(stories.prompts[lease.item])
    return expected is not None and reason.startswith(expected)


def _signed(lease: Lease) -> Iterator[Violation]:
    """R4."""
    asked = False
    signed_at: float | None = None
    for event in lease.events:
        if event.what == "presign-upload" and event.kind == "answered" and event.text == "ok":
            # The first one only asks whether the video exists; its URL is not for a PUT.
            signed_at = event.at if asked else None
            asked = True
        elif event.kind == "began" and not asked:
            yield _by(lease, "R4", event, "inferred before it asked whether the video exists")
        elif event.kind == "made":
            signed_at = None
        elif event.what == "upload" and event.kind == "sent" and signed_at is None:
            yield _by(lease, "R4", event, "used a URL that was not signed for this PUT")
        elif event.what == "upload" and event.kind == "answered":
            signed_at = None


def _not_made_again(lease: Lease, stories: Stories) -> Iterator[Violation]:
    """R5 and R6."""
    for event in lease.events:
        if event.kind != "began":
            continue
        deaths = stories.deaths_over(lease.item, lease.worker, lease.taken_at)
        if deaths >= POISON_DEATHS:
            yield _by(lease, "R5", event, f"run again after {deaths} deaths on this host")
        if stories.has_kept(lease.item, lease.worker, lease.taken_at):
            yield _by(lease, "R6", event, "made again though its video lies on this host")


def of_the_servers(events: Iterable[Event]) -> Iterator[Violation]:
    """L4 as the server sees it, and completed items that were unmade."""
    for event in events:
        if event.kind == "broke":
            yield Violation("B", event.at, event.worker, event.item, event.text)
        if event.kind != "applied":
            continue
        released = event.text == "by 1.0 s"
        if event.what == "renewed" and event.value < -EPSILON_S and not released:
            sentence = f"a heartbeat cut the lease by {-event.value:.1f} s"
            yield Violation("L4", event.at, event.worker, event.item, sentence)
        if event.what == "failed" and event.text.startswith("completed/"):
            sentence = "was completed and then failed"
            yield Violation("E2", event.at, event.worker, event.item, sentence)


def strays(sent: Sequence[Event]) -> Iterator[Violation]:
    """Whatever left for an item that its sender had not leased."""
    for event in sent:
        sentence = f"{event.kind} {event.what} without a lease"
        yield Violation("L5", event.at, event.worker, event.item, sentence)


def _by(lease: Lease, rule: str, event: Event, sentence: str) -> Violation:
    return Violation(rule, event.at, lease.worker, lease.item, sentence)
