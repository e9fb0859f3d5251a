import json
import math

import pytest

from client import answers, errors
from client.received import Received, retry_after_s

KEY = "wk-canary"
PAGE = b"<!doctype html><html><body>Not here</body></html>"
TASK = {"item_id": "i", "prompt": "p", "photo_storage_path": "g/p.jpg"}
ALL = [
    answers.NEXT_TASK,
    answers.RENEW,
    answers.SIGN_DOWNLOAD,
    answers.SIGN_UPLOAD,
    answers.REPORT,
]


def understood(reading, status, body, content_type="application/json", retry_after=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    received = Received(status, content_type, raw, retry_after)
    return answers.understood("verb at host", reading, received, KEY)


def refused(error="no"):
    return {"success": False, "error": error}


def test_success_carries_the_data():
    assert understood(answers.NEXT_TASK, 200, {"success": True, "data": TASK}).item_id == "i"
    assert understood(answers.NEXT_TASK, 200, {"success": True, "data": None}) is None


@pytest.mark.parametrize("reading", [answers.RENEW, answers.REPORT])
def test_some_answers_need_no_data(reading):
    assert understood(reading, 200, {"success": True}) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Rejected),
        (401, errors.Unauthorized),
        (403, errors.NotYours),
        (404, errors.NoSuchLease),
        (405, errors.Rejected),
        (408, errors.Transient),
        (409, errors.Rejected),
        (413, errors.Rejected),
        (422, errors.Rejected),
        (429, errors.Transient),
        (500, errors.Transient),
        (502, errors.Transient),
        (503, errors.Transient),
        (504, errors.Transient),
        (599, errors.Transient),
    ],
)
@pytest.mark.parametrize("reading", [answers.RENEW, answers.REPORT])
def test_a_status_means_one_error(reading, status, error):
    with pytest.raises(errors.ClientError) as raised:
        understood(reading, status, refused())
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("reading", "status", "said", "error"),
    [
        (answers.NEXT_TASK, 404, "no such route", errors.Rejected),
        (answers.SIGN_DOWNLOAD, 404, "no", errors.Unsigned),
        (answers.SIGN_DOWNLOAD, 404, "NoSuchKey", errors.ObjectMissing),
        (answers.SIGN_DOWNLOAD, 500, "Object not found", errors.ObjectMissing),
        (answers.SIGN_DOWNLOAD, 500, "boom", errors.Unsigned),
        (answers.SIGN_DOWNLOAD, 400, "bad path", errors.Unsigned),
        (answers.SIGN_DOWNLOAD, 502, "boom", errors.Transient),
        (answers.SIGN_UPLOAD, 409, "no", errors.AlreadyStored),
        (answers.SIGN_UPLOAD, 500, "The resource already exists", errors.AlreadyStored),
        (answers.SIGN_UPLOAD, 500, "Duplicate", errors.AlreadyStored),
        (answers.SIGN_UPLOAD, 500, "Failed to sign", errors.Unsigned),
        (answers.SIGN_UPLOAD, 503, "Failed to sign", errors.Transient),
        (answers.SIGN_UPLOAD, 404, "no such item", errors.NoSuchLease),
        (answers.REPORT, 500, "already exists", errors.Transient),
    ],
)
def test_some_verbs_hear_more_in_an_answer(reading, status, said, error):
    with pytest.raises(errors.ClientError) as raised:
        understood(reading, status, refused(said))
    assert type(raised.value) is error


@pytest.mark.parametrize("reading", ALL)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        PAGE,
        b"[]",
        {"success": False, "data": TASK},
        {"success": "true", "data": TASK},
        {"data": TASK},
    ],
)
def test_a_200_that_is_no_success_is_transient_and_may_be_done(reading, body):
    with pytest.raises(errors.Transient) as raised:
        understood(reading, 200, body)
    assert raised.value.maybe_done


@pytest.mark.parametrize("reading", [answers.NEXT_TASK, answers.SIGN_DOWNLOAD, answers.SIGN_UPLOAD])
@pytest.mark.parametrize("data", [7, "x", [], {}, {"item_id": 7}, {"url": None}])
def test_data_of_the_wrong_type_is_transient(reading, data):
    with pytest.raises(errors.Transient) as raised:
        understood(reading, 200, {"success": True, "data": data})
    assert raised.value.maybe_done


@pytest.mark.parametrize("status", [403, 404])
def test_a_web_page_proves_nothing_about_a_lease(status):
    with pytest.raises(errors.Transient, match="a web page"):
        understood(answers.RENEW, status, PAGE, content_type="text/html")


def test_a_status_without_a_body_is_taken_at_its_word():
    with pytest.raises(errors.Unauthorized):
        understood(answers.NEXT_TASK, 401, b"", content_type="")
    with pytest.raises(errors.NoSuchLease):
        understood(answers.RENEW, 404, b"", content_type="")


@pytest.mark.parametrize(
    ("status", "maybe"), [(429, False), (503, False), (500, True), (504, True)]
)
def test_only_a_refusal_at_the_door_is_certain(status, maybe):
    with pytest.raises(errors.Transient) as raised:
        understood(answers.NEXT_TASK, status, refused(), retry_after=7.0)
    assert (raised.value.maybe_done, raised.value.retry_after_s) == (maybe, 7.0)


def test_the_servers_words_are_short_and_without_the_key():
    with pytest.raises(errors.Rejected) as raised:
        understood(answers.RENEW, 400, refused(f"bad key {KEY} " + "x" * 9000))
    assert "canary" not in str(raised.value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize("said", [None, 7, {"message": "x"}, [], ""])
def test_an_error_that_is_no_text_is_left_out(said):
    with pytest.raises(errors.Rejected) as raised:
        understood(answers.RENEW, 400, refused(said))
    assert str(raised.value) == "verb at host: HTTP 400"


@pytest.mark.parametrize(
    ("value", "date", "wait_s"),
    [
        ("7", "", 7.0),
        (" 0 ", "", 0.0),
        ("Sat, 03 Jan 2026 10:00:30 GMT", "Sat, 03 Jan 2026 10:00:00 GMT", 30.0),
        ("Sat, 03 Jan 2026 09:00:00 GMT", "Sat, 03 Jan 2026 10:00:00 GMT", 0.0),
        ("Sat, 03 Jan 2026 10:00:30 GMT", "", None),
        ("", "", None),
        ("-3", "", None),
        ("soon", "", None),
        ("9" * 400, "", None),
        ("١٢", "", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_of_the_servers_clock(value, date, wait_s):
    found = retry_after_s(value, date)
    assert found == wait_s
    assert found is None or math.isfinite(found)
