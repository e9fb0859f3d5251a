import json

import pytest

from client import errors
from client.received import Received
from client.storage_answers import refusal

EXPIRED = '"exp" claim timestamp check failed'


def masked(status_code, error, message="", http=400, **more):
    body = {"statusCode": status_code, "error": error, "message": message} | more
    return Received(http, "application/json", json.dumps(body).encode())


def xml(status, code, message):
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Received(status, "application/xml", text.encode())


def plain(status, body=b"", content_type=""):
    return Received(status, content_type, body)


@pytest.mark.parametrize(
    ("received", "error"),
    [
        (masked("409", "Duplicate", "The resource already exists"), errors.AlreadyStored),
        (masked(409, "x", code="ResourceAlreadyExists"), errors.AlreadyStored),
        (plain(409), errors.AlreadyStored),
        (masked("413", "Payload too large"), errors.ObjectTooLarge),
        (masked("400", "x", code="EntityTooLarge"), errors.ObjectTooLarge),
        (plain(413), errors.ObjectTooLarge),
        (masked("415", "invalid_mime_type", "mime type x is not"), errors.StorageRefused),
        (masked("415", "InvalidMimeType"), errors.StorageRefused),
        (masked("400", "InvalidJWT", EXPIRED), errors.UrlExpired),
        (masked("400", "InvalidJWT", "jwt malformed"), errors.UrlExpired),
        (masked("400", "Bad Request", EXPIRED), errors.UrlExpired),
        (masked("400", "ExpiredToken"), errors.UrlExpired),
        (masked("401", "Unauthorized", "jwt expired"), errors.UrlExpired),
        (xml(403, "AccessDenied", "Request has expired"), errors.UrlExpired),
        (xml(400, "ExpiredToken", "The provided token has expired."), errors.UrlExpired),
        (xml(403, "AccessDenied", "Access Denied"), errors.StorageRefused),
        (xml(403, "SignatureDoesNotMatch", "no"), errors.StorageRefused),
        (plain(403), errors.StorageRefused),
        (masked("404", "not_found", "Object not found"), errors.ObjectMissing),
        (masked("404", "Not found"), errors.ObjectMissing),
        (xml(404, "NoSuchKey", "The specified key does not exist."), errors.ObjectMissing),
        (plain(404), errors.ObjectMissing),
        (masked("404", "Bucket not found", "Bucket not found"), errors.StorageRefused),
        (xml(404, "NoSuchBucket", "no"), errors.StorageRefused),
        (masked("429", "SlowDown"), errors.Transient),
        (xml(503, "SlowDown", "Please reduce your request rate."), errors.Transient),
        (plain(429), errors.Transient),
        (masked("500", "Internal"), errors.Transient),
        (masked("544", "DatabaseTimeout"), errors.Transient),
        (plain(502, b"<html>bad gateway</html>", "text/html"), errors.Transient),
        (plain(404, b"<html>nothing</html>", "text/html"), errors.Transient),
        (plain(403, b"<html>blocked</html>", "text/html"), errors.Transient),
        (plain(400, b"{"), errors.StorageRefused),
        (plain(400, b"[]"), errors.StorageRefused),
        (plain(400, b"[" * 60_000), errors.StorageRefused),
        (masked("200", 7, ["x"]), errors.StorageRefused),
        (plain(206), errors.Transient),
    ],
)
def test_an_answer_means_one_error(received, error):
    assert type(refusal("upload at host", received)) is error


def test_the_real_status_is_the_one_shown():
    error = refusal("upload at host", masked("415", "InvalidMimeType", "video/x is not supported"))
    assert str(error) == "upload at host: HTTP 415: video/x is not supported"


def test_a_message_shows_no_token():
    token = "eyJhbGciOi.eyJ1cmwi.c2ln"
    error = refusal("upload at host", masked("400", "x", f"bad token={token} at https://h/o?t=c4n"))
    assert token not in str(error)
    assert "c4n" not in str(error)


@pytest.mark.parametrize(
    ("received", "maybe"), [(masked("429", "SlowDown"), False), (masked("500", "Internal"), True)]
)
def test_a_masked_failure_may_be_done_as_its_real_status_says(received, maybe):
    assert refusal("upload at host", received).maybe_done is maybe


def test_retry_after_is_passed_on():
    assert refusal("upload", Received(429, "", b"", 9.0)).retry_after_s == 9.0
