"""What a refusal of the storage means. Pure: an answer in, one error out.

Supabase's storage sends nearly every error as HTTP 400 and the real code in a JSON body; S3 and its
kin send the code in XML. Both also occur plain, as a status alone. So the codes are asked first,
then telling words, then the status: the body's own where it has one, else HTTP's.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from client.errors import (
    AlreadyStored,
    ClientError,
    ObjectMissing,
    ObjectTooLarge,
    StorageRefused,
    Transient,
    UrlExpired,
)
from client.received import Received
from client.redact import redacted

_MAX_MESSAGE_CHARS = 200

WORDS: Mapping[str, type[ClientError]] = {
    '"exp" claim': UrlExpired,
    "jwt expired": UrlExpired,
    "request has expired": UrlExpired,  # S3 says AccessDenied together with this
}
"""Telling words in a message. They outrank the code that comes with them."""

CODES: Mapping[str, type[ClientError]] = {
    "duplicate": AlreadyStored,
    "resourcealreadyexists": AlreadyStored,
    "keyalreadyexists": AlreadyStored,
    "expiredtoken": UrlExpired,
    "invalidjwt": UrlExpired,
    "nosuchkey": ObjectMissing,
    "not_found": ObjectMissing,
    "notfound": ObjectMissing,
    "entitytoolarge": ObjectTooLarge,
    "payload too large": ObjectTooLarge,
    "invalidmimetype": StorageRefused,
    "invalid_mime_type": StorageRefused,
    "accessdenied": StorageRefused,
    "signaturedoesnotmatch": StorageRefused,
    "invalidsignature": StorageRefused,
    "nosuchbucket": StorageRefused,  # with status 404, but no fault of the object's
    "bucket not found": StorageRefused,
    "slowdown": Transient,
    "requesttimeout": Transient,
    "internalerror": Transient,
    "databasetimeout": Transient,
    "locktimeout": Transient,
    "resourcelocked": Transient,
}
"""The storages' own codes, in lower case."""

STATUSES: Mapping[int, type[ClientError]] = {
    404: ObjectMissing,
    408: Transient,
    409: AlreadyStored,
    410: ObjectMissing,
    413: ObjectTooLarge,
    425: Transient,
    429: Transient,
}
"""Plain codes. Of the others, 4xx are `StorageRefused` and everything else is `Transient`."""

_REFUSED_AT_THE_DOOR = {408, 425, 429, 503}  # nothing has taken effect


@dataclass(frozen=True)
class _Said:
    """What a refusal says: its codes in lower case, its message, its real status."""

    codes: tuple[str, ...]
    message: str
    status: int


def refusal(what: str, received: Received) -> ClientError:
    """The error that an unsuccessful answer means; `what` begins its message."""
    said = _said(received)
    kind = _kind(said, received)
    words = redacted(said.message or " ".join(said.codes), _MAX_MESSAGE_CHARS)
    message = f"{what}: HTTP {said.status}" + (f": {words}" if words else "")
    if kind is Transient:
        maybe_done = said.status >= 500 and said.status not in _REFUSED_AT_THE_DOOR
        return Transient(message, received.retry_after_s, maybe_done)
    return kind(message)


def _kind(said: _Said, received: Received) -> type[ClientError]:
    for words, kind in WORDS.items():
        if words in said.message.lower():
            return kind
    for code in said.codes:
        if code in CODES:
            return CODES[code]
    if received.is_page and received.status in (403, 404):
        return Transient  # a firewall's or a router's page; the storage itself was not reached
    if said.status in STATUSES:
        return STATUSES[said.status]
    return StorageRefused if 400 <= said.status < 500 else Transient


def _said(received: Received) -> _Said:
    text = received.body.decode("utf-8", "replace")
    if received.is_page:
        return _Said((), "a web page, not the storage's answer", received.status)
    return _from_json(text, received.status) or _from_xml(text, received.status)


def _from_json(text: str, status: int) -> _Said | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    codes = [body[key].lower() for key in ("code", "error") if isinstance(body.get(key), str)]
    message = body.get("message")
    real = str(body.get("statusCode", ""))
    return _Said(
        codes=tuple(codes),
        message=message if isinstance(message, str) else "",
        status=int(real) if re.fullmatch("[45][0-9][0-9]", real) else status,
    )


def _from_xml(text: str, status: int) -> _Said:
    # Two elements of a flat document; a parser would bring entities and their bombs with it.
    code = re.search(r"<Code>([^<]{1,100})</Code>", text)
    message = re.search(r"<Message>([^<]{1,1000})</Message>", text)
    return _Said(
        codes=(code[1].strip().lower(),) if code else (),
        message=message[1] if message else "",
        status=status,
    )
