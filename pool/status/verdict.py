"""Which exit code, and which one line, a status deserves. Pure."""

from pool.counted import counted
from pool.exit_codes import StatusExitCode
from pool.status.schema import Status
from pool.status.span import span
from pool.status.status_file import Found
from pool.supervisor.states import WORKING


def verdict(found: Found) -> StatusExitCode:
    """What `pool-status` exits with."""
    status = found.status
    if status.pool.state == "stopped":
        return StatusExitCode.NO_POOL
    if status.pool.state == "dead" or found.stale:
        return StatusExitCode.NONE_WORKS
    working = working_slots(status)
    if working == len(status.slots):
        return StatusExitCode.ALL_WORK
    return StatusExitCode.SOME_DO_NOT if working else StatusExitCode.NONE_WORKS


def working_slots(status: Status) -> int:
    """How many slots do what they are there for."""
    return sum(slot.state in WORKING for slot in status.slots)


def one_line(found: Found) -> str:
    """The health in one line, for a HEALTHCHECK and for people in a hurry."""
    status = found.status
    working = working_slots(status)
    verb = "works" if len(status.slots) == 1 else "work"
    counts = f"{working} of {counted(len(status.slots), 'slot')} {verb}"
    if status.pool.state == "dead":
        return "the pool is dead: its supervisor ended without a word; see logs/pool.log and dmesg"
    if status.pool.state == "stopped":
        return "the pool is stopped"
    if found.stale:
        return f"the status is {span(found.age_s)} old: the supervisor hangs or is stopped"
    troubled = [f"{slot.slot}: {slot.reason}" for slot in status.slots if slot.state not in WORKING]
    return "; ".join([counts, *troubled])
