"""What an answer of the Worker API means. Pure: an answer in, a value or one error out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from client import wire
from client.errors import (
    AlreadyStored,
    ClientError,
    NoSuchLease,
    NotYours,
    ObjectMissing,
    Rejected,
    Transient,
    Unauthorized,
    Unsigned,
)
from client.received import Received
from client.redact import redacted

T = TypeVar("T")

_MAX_ERROR_CHARS = 200

STATUSES: Mapping[int, type[ClientError]] = {
    400: Rejected,
    401: Unauthorized,
    403: NotYours,
    404: NoSuchLease,
    408: Transient,
    425: Transient,
    429: Transient,
}
"""The API's codes. Of the others, 4xx are `Rejected` and everything else is `Transient`."""

_REFUSED_AT_THE_DOOR = {408, 425, 429, 503}  # nothing has taken effect


@dataclass(frozen=True)
class Reading(Generic[T]):
    """How one verb's answer is read.

    `data` makes the typed value. `statuses` are the codes that mean something else to this verb
    than in `STATUSES`, and `phrases` what an unsuccessful answer's text gives away.
    """

    data: Callable[[object], T]
    statuses: Mapping[int, type[ClientError]] = field(default_factory=dict)
    phrases: Mapping[str, type[ClientError]] = field(default_factory=dict)


# A 404 to a verb that names no item says that the API is not where we look for it.
NEXT_TASK = Reading(wire.task, {404: Rejected})
RENEW = Reading(wire.renewed_until)
# Nor does a photo's path: only the storage's own words say that the photo is not there.
SIGN_DOWNLOAD = Reading(
    wire.signed_download,
    {400: Unsigned, 404: Unsigned, 500: Unsigned},
    {"object not found": ObjectMissing, "nosuchkey": ObjectMissing},
)
# The storage refuses to sign for an existing object, which the server makes a plain 500.
SIGN_UPLOAD = Reading(
    wire.signed_upload,
    {409: AlreadyStored, 500: Unsigned},
    {"already exists": AlreadyStored, "duplicate": AlreadyStored},
)
REPORT = Reading(lambda _data: None)


def understood(what: str, reading: Reading[T], received: Received, key: str) -> T:
    """The value that the answer carries, or the one error that it means.

    `what` begins each message; `key` is hidden, should the server repeat it.
    """
    try:
        answer = wire.envelope(received.body)
        if received.ok and answer.get("success") is True:
            return reading.data(answer.get("data"))
        said = _said(answer, key)
    except wire.Unreadable as error:
        said = "a web page, not the API's answer" if received.is_page else str(error)
        if received.ok:
            raise Transient(f"{what}: {said}", maybe_done=True) from None
    raise _refusal(what, reading, received, said)


def _said(answer: Mapping[str, object], key: str) -> str:
    error = answer.get("error")
    return redacted(error, _MAX_ERROR_CHARS, (key,)) if isinstance(error, str) else ""


def _refusal(what: str, reading: Reading[T], received: Received, said: str) -> ClientError:
    kind = _kind(reading, received, said.lower())
    message = f"{what}: HTTP {received.status}" + (f": {said}" if said else "")
    if kind is Transient:
        return Transient(message, received.retry_after_s, _may_be_done(received.status))
    return kind(message)


def _kind(reading: Reading[T], received: Received, said: str) -> type[ClientError]:
    if received.ok:
        return Transient  # success: false, or no success at all
    if received.is_page and received.status in (403, 404):
        return Transient  # a firewall's or a router's page; the API itself was not reached
    for phrase, kind in reading.phrases.items():
        if phrase in said:
            return kind
    return reading.statuses.get(received.status) or status_error(received.status)


def status_error(status: int) -> type[ClientError]:
    """The error for an unsuccessful status, as far as verbs agree on it."""
    if status in STATUSES:
        return STATUSES[status]
    return Rejected if 400 <= status < 500 else Transient


def _may_be_done(status: int) -> bool:
    return status < 400 or (status >= 500 and status not in _REFUSED_AT_THE_DOOR)
