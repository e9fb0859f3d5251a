"""Other libraries' exceptions, translated in one table.

The texts of requests' and urllib3's exceptions hold whole URLs, tokens included, and a traceback
prints them as the cause or the context of ours. So `translated` raises our error after the other
one is gone, with a sentence of our own and nothing of the other but its class name.
"""

import http.client
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import requests.exceptions as rq
import urllib3.exceptions as u3

from client.attempt import Attempt
from client.errors import ClientError, Transient, UnsafeUrl

T = TypeVar("T")

_SLOW = "no answer in time"
_BROKE = "the connection broke"
_CUT = "the answer broke off"
_NOT_HTTP = "the answer is not HTTP"
_NO_CONNECTION = "no connection"
_TLS = "TLS failed"
_BAD_URL = "the URL cannot be used"
_UNEXPECTED = "the request failed"

SENTENCES: Mapping[type[Exception], tuple[type[ClientError], str]] = {
    # The system's and Python's own.
    socket.gaierror: (Transient, "the host's name does not resolve"),
    ssl.SSLCertVerificationError: (Transient, "the TLS certificate is not trusted"),
    ssl.SSLError: (Transient, _TLS),
    TimeoutError: (Transient, _SLOW),
    ConnectionRefusedError: (Transient, "the connection was refused"),
    ConnectionError: (Transient, _BROKE),
    OSError: (Transient, _NO_CONNECTION),
    http.client.IncompleteRead: (Transient, _CUT),
    http.client.HTTPException: (Transient, _NOT_HTTP),
    UnicodeError: (UnsafeUrl, _BAD_URL),
    # urllib3's, which reach us directly while a body is read.
    u3.IncompleteRead: (Transient, _CUT),
    u3.TimeoutError: (Transient, _SLOW),
    u3.SSLError: (Transient, _TLS),
    u3.LocationValueError: (UnsafeUrl, _BAD_URL),
    u3.InvalidHeader: (Transient, _NOT_HTTP),
    u3.InvalidChunkLength: (Transient, _NOT_HTTP),
    u3.HTTPError: (Transient, _UNEXPECTED),
    # requests' own. Each class of it has a row here, so that a new one is noticed by a test.
    rq.ConnectTimeout: (Transient, _SLOW),
    rq.ReadTimeout: (Transient, _SLOW),
    rq.Timeout: (Transient, _SLOW),
    rq.SSLError: (Transient, _TLS),
    rq.ProxyError: (Transient, _NO_CONNECTION),
    rq.InvalidProxyURL: (UnsafeUrl, _BAD_URL),
    rq.InvalidURL: (UnsafeUrl, _BAD_URL),
    rq.InvalidSchema: (UnsafeUrl, _BAD_URL),
    rq.MissingSchema: (UnsafeUrl, _BAD_URL),
    rq.URLRequired: (UnsafeUrl, _BAD_URL),
    rq.TooManyRedirects: (UnsafeUrl, "the server redirects in circles"),
    rq.InvalidHeader: (Transient, _NOT_HTTP),
    rq.ChunkedEncodingError: (Transient, _CUT),
    rq.ContentDecodingError: (Transient, _CUT),
    rq.JSONDecodeError: (Transient, "the answer is not JSON"),
    rq.InvalidJSONError: (Transient, "the answer is not JSON"),
    rq.StreamConsumedError: (Transient, _CUT),
    rq.UnrewindableBodyError: (Transient, _UNEXPECTED),
    rq.RetryError: (Transient, _UNEXPECTED),
    rq.HTTPError: (Transient, _UNEXPECTED),
    rq.ConnectionError: (Transient, _NO_CONNECTION),
    rq.RequestException: (Transient, _UNEXPECTED),
}
"""The row for an exception is that of its class, or of the nearest base that has one."""

_OWN_NUMBERS = (ssl.SSLError, socket.gaierror)  # whose errno is none of the system's

FOREIGN = (rq.RequestException, u3.HTTPError, http.client.HTTPException, OSError, UnicodeError)


def translated(attempt: Attempt, act: Callable[[], T]) -> T:
    """The result of `act`, or one error of our tree in place of any of `FOREIGN`."""
    try:
        return act()
    except FOREIGN as error:
        failure = translation(error, attempt)
    raise failure  # outside of the handler: the other exception must not become its context


def translation(error: Exception, attempt: Attempt) -> ClientError:
    """Our error for one of `FOREIGN`, each of which has a row. Pure.

    The exception at the bottom of those wrapped in one another says most.
    """
    rows = [(inner, row) for inner in _chain(error) if (row := _row(inner)) is not None]
    bottom, (ours, sentence) = rows[-1]
    message = f"{attempt.what}: {sentence} ({_named(bottom)})"
    return Transient(message, maybe_done=attempt.sent) if ours is Transient else ours(message)


def _row(error: BaseException) -> tuple[type[ClientError], str] | None:
    return next((SENTENCES[kind] for kind in type(error).__mro__ if kind in SENTENCES), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those wrapped in it; not its context, which may be another story."""
    yield error
    for inner in (error.__cause__, getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            yield from _chain(inner)


def _named(error: BaseException) -> str:
    name = type(error).__name__
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(number, int) and number > 0 and not isinstance(error, _OWN_NUMBERS):
        return f"{name}: {os.strerror(number)}"
    return name
