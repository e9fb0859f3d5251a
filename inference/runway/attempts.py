"""When a paid create may leave this host. Pure: the one place where that is decided.

An *attempt* is one intent to create a Runway task, and what became of it:

    INTENT ──► UNSENT      certainly nothing was created: as if it had never been
       │
       ├─────► REBUFFED    nothing was created either, and Runway did not say what is wrong
       │           └─────► BLAMED      another item was taken since: this one may be at fault
       │
       ├─────► (INTENT)    no answer ever came: it may have been paid, and cannot be looked up
       │
       └─────► LIVE ──► DONE       its video was fetched and found good
                 ├────► FAILED     through nobody's fault: later
                 │        ├──► COUNTED   another item's video came out since: it may be the item
                 │        └──► EXCUSED   a later one counts, or its own item's video came out since
                 ├────► BAD        its video is no good: once more, with another seed
                 ├────► REFUSED    the photo or the prompt is at fault: never again
                 └────► GONE       cancelled or deleted

Two rules make "never paid twice":

* A lease that has any attempt but unpaid ones makes no further one. So there is at most one paid
  create per lease, also when its answer is lost and also when the process dies in between.
* A task that is LIVE or DONE is watched or fetched, by whichever lease comes, and not made again.

A failure says something about its item only while others succeed: during an outage everything
fails. So a failure waits for the next video that comes out, and only that one judges it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What became of an attempt."""

    INTENT = "intent"
    UNSENT = "unsent"
    REBUFFED = "rebuffed"
    BLAMED = "blamed"
    LIVE = "live"
    DONE = "done"
    FAILED = "failed"
    COUNTED = "counted"
    EXCUSED = "excused"
    BAD = "bad"
    REFUSED = "refused"
    GONE = "gone"


UNPAID = (State.UNSENT, State.REBUFFED, State.BLAMED)
_RESUMABLE = (State.LIVE, State.DONE)
_FAILURES = (State.FAILED, State.COUNTED, State.EXCUSED)

MOST_BAD = 2
"""Videos that were no good before the task is given up: the first, and one with another seed."""

MOST_FAILURES = 4
"""Failures, each before another item's video came out, until the task is given up: the oldest item
is always first in the queue, so one that always fails would keep the others waiting for ever."""

MOST_FAILURES_IN_ALL = 12
"""Failures of any kind until the task is given up: a queue of one item must end, too. A lease lives
for ten minutes, so an outage of an hour costs an item about six."""

_OUTAGE_FAILURES, _OUTAGE_ITEMS = 3, 2
"""So many failures of so many items, and no video since, are an outage."""

MOST_PROBLEMS = 3
"""Leases in which a finished task's video was definitely not to be had, until it is no good."""

MOST_BLAMED = 3
"""Refusals without a reason, each before another item was taken, until the task is given up."""


@dataclass(frozen=True)
class Attempt:
    """One row of the journal. `fingerprint` tells the same photo, prompt and model from others."""

    number: int
    lease_id: str
    fingerprint: str
    state: State
    task_id: str | None
    note: str


@dataclass(frozen=True)
class Resume:
    """Go on with a task that exists."""

    number: int
    task_id: str


@dataclass(frozen=True)
class Create:
    """Make a new task. `maybe_twice`: an earlier create, of unknown outcome, may be paid too."""

    seed_offset: int
    maybe_twice: bool


@dataclass(frozen=True)
class NotAgain:
    """Nothing more may be paid within this lease."""

    reason: str


@dataclass(frozen=True)
class GiveUp:
    """No lease will get a video out of this input."""

    reason: str


Step = Resume | Create | NotAgain | GiveUp


def next_step(past: Sequence[Attempt], lease_id: str, fingerprint: str) -> Step:
    """What to do for an item whose attempts, oldest first, are `past`."""
    same = [attempt for attempt in past if attempt.fingerprint == fingerprint]
    for attempt in reversed(same):
        if attempt.state in _RESUMABLE and attempt.task_id is not None:
            return Resume(attempt.number, attempt.task_id)
    hopeless = _hopeless(same)
    if hopeless is not None:
        return GiveUp(hopeless)
    spent = [a for a in past if a.lease_id == lease_id and a.state not in UNPAID]
    if spent:
        return NotAgain(spent[-1].note or "the answer to a paid request was lost")
    return Create(
        seed_offset=_count(same, State.BAD),
        maybe_twice=any(attempt.state is State.INTENT for attempt in same),
    )


def verdicts(failures: Mapping[int, str], item_id: str) -> dict[int, State]:
    """What becomes of `failures`, attempts and their items, now that the video of `item_id` is out.

    Each other item's last one counts against it; those before it may have had the same cause.
    """
    last = {failed: number for number, failed in sorted(failures.items()) if failed != item_id}
    return {
        number: State.COUNTED if last.get(failed) == number else State.EXCUSED
        for number, failed in failures.items()
    }


def is_outage(failures: Mapping[int, str]) -> bool:
    """Whether Runway itself is at fault, by the failures since the last video: number to item."""
    return len(failures) >= _OUTAGE_FAILURES and len(set(failures.values())) >= _OUTAGE_ITEMS


def _hopeless(same: Sequence[Attempt]) -> str | None:
    if same and same[-1].state is State.REFUSED:
        return same[-1].note
    if _count(same, State.BAD) >= MOST_BAD:
        return f"no usable video came out, twice: {_last_note(same, State.BAD)}"
    if _count(same, State.COUNTED) >= MOST_FAILURES:
        reason = _last_note(same, State.COUNTED)
        return f"the video service failed {MOST_FAILURES} times and made others: {reason}"
    if _count(same, *_FAILURES) >= MOST_FAILURES_IN_ALL:
        reason = _last_note(same, *_FAILURES)
        return f"the video service failed {MOST_FAILURES_IN_ALL} times: {reason}"
    if _count(same, State.BLAMED) >= MOST_BLAMED:
        reason = _last_note(same, State.BLAMED)
        return f"the video service refused it {MOST_BLAMED} times and took others: {reason}"
    return None


def _count(attempts: Sequence[Attempt], *states: State) -> int:
    return sum(attempt.state in states for attempt in attempts)


def _last_note(attempts: Sequence[Attempt], *states: State) -> str:
    return [attempt.note for attempt in attempts if attempt.state in states][-1]
