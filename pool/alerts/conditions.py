"""What is the matter with a pool at one moment, as far as a person must act on it. Pure."""

from collections.abc import Collection, Iterator

from pool.exit_codes import ExitCode
from pool.status.observer import Look
from pool.status.schema import SlotStatus, Status
from pool.status.span import span
from pool.supervisor.states import GIVEN_UP, WORKING

_ENDED_THE_POOL = (ExitCode.CONFIG, ExitCode.NO_DEVICE, ExitCode.UNAUTHORIZED)


def conditions(
    look: Look, idle_for_s: float | None, before: Collection[str] = ()
) -> dict[str, str]:
    """Each condition that holds, under a name that stays the same while it does, in words.

    `idle_for_s`: for how long nothing was finished although there was work, where that is too long.
    `before`: the names of those that held a moment ago. A slot that was given up counts as such
    until it works again: a child that is tried there proves nothing by being started.
    """
    if look.found is None:
        return {}
    status = look.found.status
    if status.pool.state == "dead":
        return {"dead": "the supervisor died without a word; nothing runs here any more"}
    if look.found.stale:
        age = span(look.found.age_s)
        return {"stale": f"the supervisor has written no status for {age}: it hangs or is stopped"}
    found = dict(_given_up(status, before))
    found |= _refused(look, status)
    why = _why_it_ended(status)
    if why is not None and not found:
        found["ended"] = why
    if idle_for_s is not None:
        found["idle"] = f"nothing was finished for {span(idle_for_s)}, and the queue is not empty"
    return found


def _given_up(status: Status, before: Collection[str]) -> Iterator[tuple[str, str]]:
    gone = [slot for slot in status.slots if _is_gone(slot, before)]
    if gone and len(gone) == len(status.slots):
        yield "all", f"every slot is given up; the machine does nothing any more: {_words(gone[0])}"
        return
    for slot in gone:
        yield f"slot {slot.slot}", _words(slot)


def _is_gone(slot: SlotStatus, before: Collection[str]) -> bool:
    was_gone = "all" in before or f"slot {slot.slot}" in before
    return slot.state in GIVEN_UP or (was_gone and slot.state not in WORKING)


def _words(slot: SlotStatus) -> str:
    return f"{slot.slot} is {slot.state}: {slot.reason}"


def _refused(look: Look, status: Status) -> dict[str, str]:
    exits = [slot.last_exit.code for slot in status.slots if slot.last_exit is not None]
    ended_by_it = status.pool.state == "stopped" and ExitCode.UNAUTHORIZED in exits
    if ended_by_it or (look.totals is not None and look.totals.key_refused_s is not None):
        return {"refused": "the Worker API refuses the key (401); no new tasks are taken"}
    return {}


def _why_it_ended(status: Status) -> str | None:
    """What a person must put right before the pool can be started again, if it ended over that."""
    if status.pool.state != "stopped":
        return None
    exits = [slot.last_exit for slot in status.slots if slot.last_exit is not None]
    reasons = [last.reason for last in exits if last.code in _ENDED_THE_POOL]
    return f"the pool has ended: {reasons[0]}" if reasons else None
