"""The order of a task's moves: what follows what, and in which stage a person sees it."""

from enum import Enum, auto

from pool.lease.moves import (
    Encode,
    Fetch,
    Infer,
    Move,
    Prepare,
    ProbeUpload,
    Release,
    ReportCompleted,
    ReportFailed,
    Store,
)
from pool.lease.pace import Stage

NEXT: dict[type[Move], Move] = {
    ProbeUpload: Fetch(),
    Fetch: Prepare(),
    Prepare: Infer(),
    Infer: Encode(),
    Encode: Store(),
}
"""What follows a move that succeeded; `Store` is followed by a report that names its path."""

STAGE: dict[type[Move], Stage] = {
    ProbeUpload: Stage.CONFIRM,
    Fetch: Stage.DOWNLOAD,
    Prepare: Stage.PREPARE,
    Infer: Stage.INFER,
    Encode: Stage.ENCODE,
    Store: Stage.UPLOAD,
    ReportCompleted: Stage.REPORT,
    ReportFailed: Stage.REPORT,
    Release: Stage.REPORT,
}

NEEDS_CONFIRMATION = (Infer, Store, ReportCompleted, ReportFailed)
"""Moves that wait until the lease is confirmed."""

FINISHES = (Encode, Store, ReportCompleted, ReportFailed)
"""Moves that come once the device has done its work, or has none to do."""

COMPUTES = (Prepare, Infer, Encode)
"""Moves that compute on what the task brought: what breaks in one may be the task's doing."""

DELIVERS = (Stage.UPLOAD, Stage.REPORT)
AFTER = (Stage.ENCODE, *DELIVERS)


class Phase(Enum):
    """On which side of the device's work a task is."""

    BEFORE = auto()
    ON_DEVICE = auto()
    AFTER = auto()
