"""One HTTP request and its answer. Nothing here knows what the answer means.

A request that is not wanted any more does not leave: its body is sent in slices, and before each of
them, the last one included, it is asked whether anybody still waits. A server acts on a whole body.

Never follows a redirect, keeps no cookie and no connection, reads nothing from its surroundings
(`.netrc`, proxies), and lets no text of requests' exceptions out, since those hold whole URLs.
"""

import json
import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, SSLError

from inference.runway.patience import Abandoned, GivenUp, never, patiently
from inference.runway.words import HIDDEN

CONNECT_S = 10.0
SILENCE_S = 60.0
"""How long the other side may say nothing before a call on its own thread gives up by itself."""

_BODY_BYTES = 1024 * 1024
_READ_BYTES = _SEND_BYTES = 65_536
_SHORTEST_SECRET = 8
"""No real key is shorter, and a shorter one may be a part of the answer's own words."""
_BEFORE_SENDING = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
)


@dataclass(frozen=True)
class Ask:
    """One request. Its parts hold the key or a picture, so none of them is ever shown.

    `secret` is taken out of the answer's body: a server may repeat what it was sent.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    record: object = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    files: Mapping[str, Any] | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Reply:
    """An answer with its body, whatever its status."""

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None = None


@dataclass(frozen=True)
class NoReply:
    """No readable answer. `sent`: the request may have arrived, and so may have taken effect."""

    reason: str
    sent: bool


@dataclass(frozen=True)
class Patience:
    """How long one exchange may take in all; `stop` ends the waiting `grace_s` after it is true."""

    total_s: float
    stop: Callable[[], bool] = never
    grace_s: float = 0.0


def new_session() -> requests.Session:
    """A session that keeps nothing between two calls."""
    session = requests.Session()
    session.trust_env = False
    session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": "gpu-worker-pool",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            # A kept connection that the other side dropped meanwhile looks like a lost answer.
            "Connection": "close",
        }
    )
    # Its DEBUG lines hold whole URLs with their tokens.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
    return session


def exchange(
    session: requests.Session,
    ask: Ask,
    patience: Patience,
    then: Callable[[Reply | NoReply, Abandoned], None] = lambda _answer, _abandoned: None,
) -> Reply | NoReply:
    """The answer to `ask`; never raises for what the network does.

    `then` is called with the answer on the call's own thread, before anybody else hears of it, and
    also when nobody waits any more: what must not be missed is written down there.
    """

    def act(abandoned: Abandoned) -> Reply | NoReply:
        answer = _answer(session, ask, lambda: abandoned() or patience.stop())
        then(answer, abandoned)
        return answer

    try:
        return patiently(act, patience.total_s, patience.stop, patience.grace_s)
    except GivenUp:
        return NoReply("no answer in time", sent=True)


def opened(
    session: requests.Session, ask: Ask, unwanted: Callable[[], bool] = never
) -> requests.Response:
    """The answer to `ask` with its body still on the wire. Raises what requests raises."""
    headers = dict(ask.headers)
    data: Mapping[str, str] | _Slices | None = ask.form
    if ask.record is not None:
        headers["Content-Type"] = "application/json"
        data = _Slices(json.dumps(ask.record).encode(), unwanted)
    return session.request(
        ask.method,
        ask.url,
        headers=headers,
        data=data,
        files=ask.files,
        stream=True,
        allow_redirects=False,
        timeout=(CONNECT_S, SILENCE_S),
    )


class _Unwanted(Exception):
    """Nobody waits for the answer any more, and the request has not left as a whole."""


class _Slices:
    """A request's body. It has a length, so it is not sent in chunked encoding."""

    def __init__(self, data: bytes, unwanted: Callable[[], bool]) -> None:
        self._data = data
        self._unwanted = unwanted

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), _SEND_BYTES):
            if self._unwanted():
                raise _Unwanted
            yield self._data[start : start + _SEND_BYTES]


def failure(error: Exception) -> NoReply:
    """What an exception of requests or urllib3 means; of its own text nothing is kept."""
    return NoReply(f"no connection ({_named(error)})", sent=not _before_sending(error))


def _answer(session: requests.Session, ask: Ask, unwanted: Callable[[], bool]) -> Reply | NoReply:
    try:
        with opened(session, ask, unwanted) as response:
            body = _without(ask.secret, _limited(response))
            return Reply(response.status_code, body, _retry_after_s(response.headers))
    except _Unwanted:
        return NoReply("stopped before it was sent", sent=False)
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        return failure(error)


def _limited(response: requests.Response) -> bytes:
    """The body, cut at a megabyte: no answer that means something is that long."""
    body = bytearray()
    while len(body) < _BODY_BYTES:
        chunk = response.raw.read1(_READ_BYTES, decode_content=True)
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _without(secret: str, body: bytes) -> bytes:
    if len(secret) < _SHORTEST_SECRET:
        return body
    return body.replace(secret.encode(), HIDDEN.encode())


def _before_sending(error: Exception) -> bool:
    """Whether the error came up before a byte was sent; in doubt, it did not."""
    if isinstance(error, _BEFORE_SENDING):
        return True
    if type(error) is OSError and error.errno is None:
        return True  # requests found no file of certificates
    inner = error.args[0] if error.args else None
    if not isinstance(inner, MaxRetryError):
        return False
    return isinstance(inner.reason, NewConnectionError) or _unproven(inner.reason)


def _unproven(reason: Exception | None) -> bool:
    """Whether the other side's certificate was not good, or could not be judged at all.

    Any other trouble with TLS may come up later, over an answer.
    """
    cause = reason.args[0] if isinstance(reason, SSLError) and reason.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return True
    return isinstance(cause, ssl.SSLError) and cause.library == "X509"


def _named(error: Exception) -> str:
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) <= 6 else None
