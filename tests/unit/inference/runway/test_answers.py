"""What Runway's answers mean."""

import json

import pytest

from inference.runway.answers import (
    Created,
    Fault,
    Gone,
    NotCreated,
    NotSeen,
    Status,
    TaskView,
    Unknown,
    Why,
    after_create,
    after_look,
    fault_of,
    refused,
)
from inference.runway.exchange import NoReply, Reply
from inference.runway.remedies import REMEDIES, refusal_sentence


def reply(status, record=None):
    return Reply(status, b"" if record is None else json.dumps(record).encode())


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (reply(200, {"id": "task-1"}), Created("task-1")),
        (reply(201, {"id": "t", "estimatedCost": {"credits": 25}}), Created("t", 0.25)),
        (reply(200, {"id": "t", "estimatedCost": {"credits": -1}}), Created("t")),
        (reply(200, {"id": "t", "estimatedCost": "free"}), Created("t")),
        (reply(200, {}), Unknown("an answer without a task's id (HTTP 200)")),
        (reply(200, {"id": "a/b"}), Unknown("an answer without a task's id (HTTP 200)")),
        (reply(200, [1]), Unknown("an answer without a task's id (HTTP 200)")),
        (reply(500), Unknown("HTTP 500")),
        (reply(502), Unknown("HTTP 502")),
        (reply(503), Unknown("HTTP 503")),
        (reply(504), Unknown("HTTP 504")),
        (NoReply("reset", sent=True), Unknown("reset")),
        (NoReply("refused", sent=False), NotCreated(Why.OFFLINE, "refused")),
    ],
)
def test_what_came_of_a_create(answer, meaning):
    assert after_create(answer) == meaning


@pytest.mark.parametrize(
    ("status", "error", "why"),
    [
        (400, "You do not have enough credits to run this task.", Why.CREDIT),
        (400, "Invalid parameter 'promptText'", Why.INPUT),
        (400, "promptImage: Invalid data URI.", Why.INPUT),
        (400, "Invalid asset", Why.INPUT),
        (400, "", Why.UNNAMED),
        (400, "This version of the API is no longer supported.", Why.UNNAMED),
        (400, "Your organization's tier does not allow this.", Why.UNNAMED),
        (400, "model is not available", Why.MODEL),
        (400, "ratio must be one of", Why.SETTINGS),
        (413, "too large", Why.UNNAMED),
        (422, "duration", Why.SETTINGS),
        (401, "", Why.KEY),
        (403, "", Why.KEY),
        (402, "", Why.CREDIT),
        (404, "", Why.SETTINGS),
        (405, "", Why.SETTINGS),
        (301, "", Why.SETTINGS),
        (418, "", Why.SETTINGS),
        (429, "", Why.BUSY),
        (429, "You have hit your daily generation limit", Why.QUOTA),
        (429, "Too many requests today", Why.BUSY),
    ],
)
def test_why_nothing_was_created(status, error, why):
    found = after_create(reply(status, {"error": error}))
    assert (type(found), found.why) == (NotCreated, why)


@pytest.mark.parametrize(
    ("status", "record", "too_large"),
    [
        (413, {}, True),
        (400, {"error": "promptImage: Data URI is too large"}, True),
        (400, {"error": "Asset size exceeds 16MB."}, True),
        (400, {"error": "x", "issues": [{"path": ["promptImage"], "code": "too_big"}]}, True),
        (400, {"error": "promptImage: must have at most 5242880 characters"}, True),
        (400, {"error": "promptImage: Invalid data URI."}, False),
        (400, {"error": "promptText: must have at most 1000 characters"}, False),
        (400, {"error": "promptImage: Invalid aspect ratio"}, False),
        (400, {}, False),
    ],
)
def test_a_picture_that_is_too_large_for_a_request_is_told_apart(status, record, too_large):
    assert after_create(reply(status, record)).too_large is too_large


def test_a_400_of_a_proxy_names_no_culprit():
    answer = Reply(400, b"<html><body>400 Bad Request: the model of a prompt</body></html>")
    assert after_create(answer).why is Why.UNNAMED


def test_the_fields_of_a_validation_error_are_read_too():
    issues = [{"code": "invalid_enum_value", "message": "Invalid", "path": ["model"]}]
    record = {"error": "Validation of body failed", "issues": issues}
    assert after_create(reply(400, record)).why is Why.MODEL


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({}, "HTTP 400"),
        ({"error": "no"}, "HTTP 400: no"),
        ({"error": None}, "HTTP 400"),
        (
            {"error": "Invalid", "issues": [{"path": ["model"], "message": "Invalid input"}]},
            "HTTP 400: Invalid: model: Invalid input",
        ),
        (
            {"issues": [{"path": ["a", 0, "b"], "message": "m"}, {"message": "n"}, {"path": []}]},
            "HTTP 400: a.0.b: m; n",
        ),
        (
            {"error": "Invalid", "issues": ["seed", 7, None, "fourth"]},
            "HTTP 400: Invalid: seed; 7; None",
        ),
        ({"error": "Invalid", "issues": {"path": "model"}}, "HTTP 400: Invalid"),
        ({"error": "see\nhttps://x.example/?token=abc"}, "HTTP 400: see https://x.example/"),
    ],
)
def test_what_runway_answered_is_said_with_the_fields_that_it_names(record, text):
    assert after_create(reply(400, record)).text == text


def test_what_runway_answered_stays_short():
    issues = [{"path": ["promptText"], "message": "too long " * 1000}]
    assert len(after_create(reply(400, {"error": "no", "issues": issues})).text) == 300


def test_every_reason_has_its_remedy():
    assert set(REMEDIES) == set(Why)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.UNHEARD_OF])
def test_each_of_the_six_states_is_known(status):
    assert after_look(reply(200, {"status": status.value})).status is status


@pytest.mark.parametrize(
    ("record", "view"),
    [
        ({"status": "RUNNING", "progress": 0.5}, TaskView(Status.RUNNING, 0.5)),
        ({"status": "RUNNING", "progress": 7}, TaskView(Status.RUNNING, 1.0)),
        ({"status": "RUNNING", "progress": None}, TaskView(Status.RUNNING)),
        ({"status": "MELTED"}, TaskView(Status.UNHEARD_OF)),
        (
            {"status": "SUCCEEDED", "output": ["u", 7], "cost": {"credits": 3}},
            TaskView(Status.SUCCEEDED, output=("u",), usd=0.03),
        ),
        ({"status": "SUCCEEDED", "output": None}, TaskView(Status.SUCCEEDED)),
        (
            {"status": "FAILED", "failure": "no", "failureCode": "INTERNAL"},
            TaskView(Status.FAILED, code="INTERNAL", text="no"),
        ),
        ({"status": "FAILED", "failureCode": None}, TaskView(Status.FAILED)),
    ],
)
def test_what_a_look_shows(record, view):
    assert after_look(reply(200, record)) == view


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (reply(404), Gone()),
        (reply(200, {"status": 7}), NotSeen("HTTP 200", answered=True)),
        (reply(200), NotSeen("HTTP 200", answered=True)),
        (reply(503), NotSeen("HTTP 503", answered=True)),
        (reply(401), NotSeen("HTTP 401", answered=True, refused_key=True)),
        (reply(400), NotSeen("HTTP 400", answered=True, refused=True)),
        (reply(405, {"error": "no"}), NotSeen("HTTP 405: no", answered=True, refused=True)),
        (Reply(429, b"", 7.0), NotSeen("HTTP 429", answered=True, retry_after_s=7.0)),
        (NoReply("slow", sent=True), NotSeen("slow", answered=False)),
    ],
)
def test_a_look_that_shows_nothing(answer, meaning):
    assert after_look(answer) == meaning


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("SAFETY", Fault.INPUT),
        ("SAFETY.INPUT.IMAGE", Fault.INPUT),
        ("SAFETY.OUTPUT.VIDEO", Fault.INPUT),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", Fault.INPUT),
        ("ASSET.INVALID", Fault.INPUT),
        ("INTERNAL.BAD_OUTPUT", Fault.BAD_OUTPUT),
        ("INTERNAL.BAD_OUTPUT.CODE01", Fault.BAD_OUTPUT),
        ("INTERNAL", Fault.PASSING),
        ("INTERNAL.SOMETHING", Fault.PASSING),
        ("INPUT_PREPROCESSING.INTERNAL", Fault.PASSING),
        ("THIRD_PARTY.UNAVAILABLE", Fault.PASSING),
        ("SAFETYNET", Fault.PASSING),
        ("", Fault.PASSING),
    ],
)
def test_whose_fault_a_failure_is(code, fault):
    assert fault_of(code) is fault


def test_only_the_inputs_own_faults_have_a_sentence_for_its_owner():
    with pytest.raises(ValueError, match="not the input's fault"):
        refusal_sentence(TaskView(Status.FAILED, code="INTERNAL"))


def test_an_upload_that_the_store_did_not_take_is_a_matter_of_time():
    assert refused(reply(500)).why is Why.OFFLINE
    assert refused(reply(200, {})).why is Why.OFFLINE
    assert refused(NoReply("slow", sent=True)).why is Why.OFFLINE
