"""What the driver's error codes (Xid) ask for.

After NVIDIA's catalogue ("Analyzing Xid Errors with the Xid Catalog", as of 2025-10-29): the code's
immediate action there is the action here, or the worst outcome where that is a workflow. But errors
of NVLink ask for nothing, since
each child uses one GPU alone. Codes that only follow or explain another one (43, 45, 171, 172) ask
for nothing either, and neither does 154, which announces what the recovery action's reading says.
Where an error turns out worse than its code, that reading says so as well.

A code that is not listed asks for nothing: if the device is unfit all the same, its child keeps
dying, and the limit on restarts ends the slot.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Action(StrEnum):
    """What an Xid asks for."""

    IGNORE = "nothing"
    RESTART_CHILD = "a fresh process"
    QUARANTINE = "reset the GPU or give the machine back"
    ADVISE_REBOOT = "restart the machine or give it back"


_UNFIT = (Action.QUARANTINE, Action.ADVISE_REBOOT)


@dataclass(frozen=True)
class Xid:
    """One code: what it asks for, and what happened, in words."""

    action: Action
    meaning: str


_I, _C, _Q, _R = Action.IGNORE, Action.RESTART_CHILD, Action.QUARANTINE, Action.ADVISE_REBOOT

ROWS: tuple[tuple[Action, Iterable[int], str], ...] = (
    (_C, (8,), "the GPU stopped processing"),
    (_C, (11, 32), "invalid or corrupted push buffer"),
    (_C, (25,), "illegal push buffer"),
    (_C, (13,), "exception in the graphics engine"),
    (_C, (31,), "memory access fault"),
    (_C, (39, 40, 41, 70, 71, 72, 75, 76, 77, 85), "error in a copy engine"),
    (_C, range(126, 136), "error in a copy engine"),
    (_C, (60,), "exception in the video processor"),
    (_C, (68, 83, 84, 88, 89, 96, 97, 98), "exception in a video decoder"),
    (_C, (142,), "exception in a video encoder"),
    (_C, (82, *range(99, 106)), "error in a JPEG engine"),
    (_C, (86, 139), "exception in the optical flow engine"),
    (_C, (69,), "error in the graphics engine's class"),
    (_C, (80,), "corrupted data sent to the GPU"),
    (_C, (94,), "contained memory error"),
    (_Q, (46,), "the GPU stopped processing and did not come back"),
    (_Q, (48,), "uncorrectable memory error"),
    (_Q, (54,), "auxiliary power is not connected"),
    (_Q, (62, 169), "the GPU's microcontroller halted"),
    (_Q, (64,), "a broken row of memory could not be replaced"),
    (_Q, (95,), "uncontained memory error"),
    (_Q, (109,), "a context switch timed out"),
    (_Q, (110,), "security fault"),
    (_Q, (119,), "the GPU's system processor did not answer in time"),
    (_Q, (120,), "error in the GPU's system processor"),
    (_Q, (140,), "unrecovered memory error"),
    (_Q, (143,), "the GPU could not be initialised"),
    (_Q, (156,), "a broken part of the GPU was taken out of use"),
    (_Q, (158,), "fatal timeout in the GPU"),
    (_R, (79,), "the GPU has fallen off the bus"),
    (_R, (151,), "the encryption's keys could not be renewed"),
    (_I, (37, 38), "error in the driver's firmware"),
    (_I, (43,), "a channel was reset after another error"),
    (_I, (44,), "fault during a context switch"),
    (_I, (45,), "clean-up after another error"),
    (_I, (63,), "a row of memory was replaced"),
    (_I, (66, 67), "illegal access by the driver"),
    (_I, (74, 136, 137, *range(144, 151), 155), "NVLink error"),
    (_I, (92,), "many corrected memory errors"),
    (_I, (93,), "wear of the GPU's settings memory"),
    (_I, (106, 107), "test message"),
    (_I, (121,), "error between chips"),
    (_I, (141,), "error on a fast path of CUDA"),
    (_I, (152, 153), "error in the learning accelerator"),
    (_I, (154,), "the recovery action changed"),
    (_I, (157, 160, 161), "a channel was taken out of use"),
    (_I, (171, 172), "more about a memory error"),
)
"""What each Xid asks for, and what happened."""

XIDS = MappingProxyType(
    {code: Xid(action, meaning) for action, codes, meaning in ROWS for code in codes}
)


def ends_the_device(codes: Iterable[int]) -> str | None:
    """Why the device is unfit after these Xids, in words; None if it is not."""
    for code, xid in _known(codes):
        if xid.action in _UNFIT:
            return f"Xid {code}: {xid.meaning}; {xid.action}"
    return None


def ends_the_process(codes: Iterable[int]) -> str | None:
    """Why the process on the device can go no further, in words; None if it can."""
    for code, xid in _known(codes):
        if xid.action is Action.RESTART_CHILD:
            return f"Xid {code}: {xid.meaning}"
    return None


def _known(codes: Iterable[int]) -> Iterator[tuple[int, Xid]]:
    return ((code, XIDS[code]) for code in codes if code in XIDS)
