import errno
import http.client
import socket
import ssl
import traceback

import pytest
import requests
import urllib3.exceptions as u3

from client.attempt import Attempt
from client.errors import ClientError, Transient, UnsafeUrl
from client.translation import FOREIGN, SENTENCES, translated, translation

CANARY = "https://s.example/o?token=canary"


def attempt(*, sent=False):
    made = Attempt("download at s.example", total_s=9, idle_s=9, admits=lambda _: True)
    made.sent = sent
    return made


def with_descendants(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from with_descendants(child)


@pytest.mark.parametrize(
    "kind", sorted(set(with_descendants(requests.RequestException)), key=lambda k: k.__name__)
)
def test_every_exception_of_requests_has_a_row_of_its_own(kind):
    assert kind in SENTENCES


@pytest.mark.parametrize("kind", FOREIGN)
def test_whatever_is_caught_has_a_row(kind):
    assert kind in SENTENCES


@pytest.mark.parametrize("kind", sorted(set(with_descendants(u3.HTTPError)), key=str))
def test_every_exception_of_urllib3_is_one_error_of_ours(kind):
    error = kind.__new__(kind)
    assert isinstance(translation(error, attempt()), ClientError)


def wrapped(inner):
    """As requests delivers it: our cause is two floors down."""
    return requests.ConnectionError(u3.ProtocolError("Connection aborted.", inner), CANARY)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (socket.gaierror(-2, "Name or service not known"), "does not resolve (gaierror)"),
        (ConnectionRefusedError(errno.ECONNREFUSED, CANARY), "refused (ConnectionRefusedError: C"),
        (ConnectionResetError(errno.ECONNRESET, CANARY), "broke (ConnectionResetError: Conn"),
        (http.client.RemoteDisconnected(CANARY), "broke (RemoteDisconnected"),
        (TimeoutError(CANARY), "no answer in time (TimeoutError)"),
        (ssl.SSLCertVerificationError(1, CANARY), "certificate is not trusted"),
        (ssl.SSLError(1, CANARY), "TLS failed (SSLError)"),
        (http.client.BadStatusLine(CANARY), "not HTTP (BadStatusLine)"),
        (OSError(errno.EMFILE, CANARY), "no connection (OSError: Too many open files)"),
        (OSError(errno.ENETUNREACH, CANARY), "no connection (OSError: Network is unreachable)"),
    ],
)
def test_the_message_names_what_lies_at_the_bottom(error, sentence):
    ours = translation(wrapped(error), attempt())
    assert isinstance(ours, Transient)
    assert sentence in str(ours)
    assert "canary" not in str(ours)


@pytest.mark.parametrize("error", [requests.exceptions.InvalidURL(CANARY), UnicodeError(CANARY)])
def test_a_url_that_cannot_be_used_is_unsafe(error):
    assert isinstance(translation(error, attempt()), UnsafeUrl)


@pytest.mark.parametrize("sent", [True, False])
def test_only_what_was_sent_may_be_done(sent):
    assert translation(requests.ReadTimeout(CANARY), attempt(sent=sent)).maybe_done is sent


def test_the_callers_other_troubles_are_no_part_of_the_story():
    try:
        raise ConnectionRefusedError
    except ConnectionRefusedError:
        try:
            raise requests.ReadTimeout
        except requests.ReadTimeout as error:
            assert "no answer in time" in str(translation(error, attempt()))


def test_a_traceback_shows_nothing_of_the_other_librarys_text():
    def fail():
        raise wrapped(ConnectionResetError(errno.ECONNRESET, CANARY))

    with pytest.raises(Transient) as raised:
        translated(attempt(), fail)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert "canary" not in "".join(traceback.format_exception(raised.value))


def test_our_own_errors_and_bugs_pass_untouched():
    for error in (UnsafeUrl("no"), KeyError("bug"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised:
            translated(attempt(), lambda error=error: (_ for _ in ()).throw(error))
        assert raised.value is error
