"""What the driver's error codes (Xid) mean for a slot.

After NVIDIA's catalogue ("Xid Errors"), kept to the codes whose first remedy there is plain. A code
that is not listed ends nothing here: if the device is unfit all the same, its child keeps dying,
and the limit on restarts ends the slot.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Scope(StrEnum):
    """What an Xid costs."""

    APPLICATION = "application"
    """The process that used the device; a fresh one may go on."""

    DEVICE = "device"
    """The device, until somebody resets it or the machine."""


@dataclass(frozen=True)
class Xid:
    """One code: what it costs, and what happened, in words."""

    scope: Scope
    meaning: str


XIDS = MappingProxyType(
    {
        8: Xid(Scope.APPLICATION, "the GPU stopped processing"),
        13: Xid(Scope.APPLICATION, "exception in the graphics engine"),
        31: Xid(Scope.APPLICATION, "memory access fault"),
        32: Xid(Scope.APPLICATION, "invalid or corrupted push buffer"),
        43: Xid(Scope.APPLICATION, "a channel was reset"),
        68: Xid(Scope.APPLICATION, "exception in the video decoder"),
        69: Xid(Scope.APPLICATION, "error in the graphics engine's class"),
        94: Xid(Scope.APPLICATION, "contained memory error"),
        46: Xid(Scope.DEVICE, "the GPU stopped processing and did not come back"),
        48: Xid(Scope.DEVICE, "uncorrectable memory error"),
        62: Xid(Scope.DEVICE, "the GPU's microcontroller halted"),
        64: Xid(Scope.DEVICE, "a broken row of memory could not be replaced"),
        79: Xid(Scope.DEVICE, "the GPU has fallen off the bus"),
        95: Xid(Scope.DEVICE, "uncontained memory error"),
        119: Xid(Scope.DEVICE, "the GPU's system processor did not answer in time"),
        120: Xid(Scope.DEVICE, "error in the GPU's system processor"),
        140: Xid(Scope.DEVICE, "unrecovered memory error"),
        143: Xid(Scope.DEVICE, "the GPU could not be initialised"),
    }
)
"""Xid → what it means."""


def ends_the_device(code: int | None) -> str | None:
    """Why the device is unfit after this Xid, in words; None if it is not."""
    xid = XIDS.get(code) if code is not None else None
    if xid is None or xid.scope is not Scope.DEVICE:
        return None
    return f"Xid {code}: {xid.meaning}; reset the GPU or give the machine back"
