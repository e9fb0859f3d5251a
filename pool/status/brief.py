"""Every slot in a few letters, for one line of a terminal. Pure."""

from pool.status.schema import SlotStatus, Status
from pool.status.span import span


def brief(status: Status) -> str:
    """`gpu0 infer 24% 1m06s | gpu1 ready`."""
    return " | ".join(_slot(slot) for slot in status.slots)


def _slot(slot: SlotStatus) -> str:
    current = slot.current
    if current is None:
        return f"{slot.slot} {slot.state}"
    share = f" {current.progress:.0%}" if current.steps else ""
    left = "" if current.eta_s is None else f" {span(current.eta_s)}"
    return f"{slot.slot} {current.stage}{share}{left}"
