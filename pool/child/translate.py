"""Other packages' errors, turned into outcomes. The one place where that is done.

Read the table from the top: the first class that matches decides. What is in none of the rows is a
bug of ours or of a library's; it costs this child its process, since nobody knows in what state it
left the device, and the task nothing but time.
"""

import errno
from dataclasses import dataclass

from client import errors as api
from inference import errors as made
from pool.errors import LeaseLost, MaybeStored
from pool.lease.moves import Fault, Fetch, Move, ProbeUpload, Store
from pool.lease.order import COMPUTES

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EIO}

_FOR_THE_OWNER: dict[tuple[type[BaseException], type[Move]], str] = {
    (api.ObjectMissing, Fetch): "the photo is not in the storage any more",
    (api.ObjectTooLarge, Fetch): "the photo's file is larger than is accepted",
    (api.ObjectTooLarge, Store): "the finished video is larger than the storage accepts",
}
"""What a person reads in place of an error's own words, which speak of hosts and codes."""

_TABLE: tuple[tuple[type[BaseException], Fault], ...] = (
    (LeaseLost, Fault.CANCELLED),
    (MaybeStored, Fault.MAYBE_STORED),
    (made.Cancelled, Fault.CANCELLED),
    (api.TransferStopped, Fault.CANCELLED),
    (api.Transient, Fault.TRANSIENT),
    (api.Unauthorized, Fault.TRANSIENT),
    (api.Unsigned, Fault.UNSIGNED),
    (api.NoSuchLease, Fault.MISSED),
    (api.NotYours, Fault.REFUSED),
    (api.AlreadyStored, Fault.STORED_ALREADY),
    (api.UrlExpired, Fault.TRANSIENT),
    (api.ObjectMissing, Fault.ABSENT),
    (api.ObjectTooLarge, Fault.TASK_AT_FAULT),
    (api.UnsafeUrl, Fault.NOT_NOW),
    (api.StorageRefused, Fault.NOT_NOW),
    (api.Rejected, Fault.TRANSIENT),
    (made.RequestRefused, Fault.TASK_AT_FAULT),
    (made.BadOutput, Fault.BAD_OUTPUT),
    (made.TryLater, Fault.NOT_NOW),
    (made.DeviceUnfit, Fault.NOT_NOW),
)


@dataclass(frozen=True)
class Verdict:
    """What an error means: for the job (`fault`, `text`), and for this process.

    `unfit` says why the process must end; `suspect` that the task may have caused it. `text` may
    reach the photo's owner, who knows neither libraries nor devices; `unfit` is for operators.
    """

    fault: Fault
    text: str
    retry_after_s: float | None = None
    unfit: str | None = None
    suspect: bool = False


def verdict(error: BaseException, move: Move) -> Verdict:
    """What `error`, raised by `move`, means."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return Verdict(Fault.TRANSIENT, f"this machine cannot write files: {error.strerror}")
    for kind, fault in _TABLE:
        if isinstance(error, kind):
            return _known(error, fault, move)
    stage = type(move).__name__.lower()
    return Verdict(
        Fault.NOT_NOW,
        f"an unexpected error in {stage}",
        unfit=f"unexpected {type(error).__name__} in {stage}",
        # The task can only have caused what computes on it, and never what this machine's files do:
        # a folder that is gone would have every task reported failed that is leased here twice.
        suspect=isinstance(move, COMPUTES) and not isinstance(error, OSError),
    )


def _known(error: BaseException, fault: Fault, move: Move) -> Verdict:
    text = _FOR_THE_OWNER.get((type(error), type(move))) or str(error) or type(error).__name__
    if isinstance(error, made.DeviceUnfit):
        return Verdict(fault, "the device failed over it", unfit=text, suspect=True)
    if isinstance(error, api.NoSuchLease | api.NotYours) and isinstance(move, ProbeUpload | Store):
        # Only heartbeats and reports speak of the lease; a 404 for a signature says nothing of it.
        fault = Fault.TRANSIENT
    if isinstance(error, api.ObjectMissing) and isinstance(move, Store):
        fault = Fault.TRANSIENT
    return Verdict(fault, text, retry_after_s=getattr(error, "retry_after_s", None))
