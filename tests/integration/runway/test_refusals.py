"""What Runway refuses, and whether that is the photo's fault, ours, or a matter of time."""

import json
import re

import pytest

from inference.errors import RequestRefused, TryLater
from tests.fakes.bad_server.faults import Canned
from tests.fakes.runway import failed


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("SAFETY.INPUT.IMAGE", "refused the photo for its content rules"),
        ("SAFETY.INPUT.TEXT", "refused the text for its content rules"),
        ("SAFETY.OUTPUT.VIDEO", "refused the video that came out for its content rules"),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", "refused the text"),
        ("SAFETY", "refused the photo or its text"),
        ("ASSET.INVALID", "cannot use the photo: An unexpected error occurred"),
    ],
)
def test_an_input_at_fault_is_refused_for_good(infer, runway, code, sentence):
    runway.script(failed(code))
    for lease in ("w#1", "w#2"):
        with pytest.raises(RequestRefused, match=sentence) as raised:
            infer(lease_id=lease)
        assert code in str(raised.value)
    assert len(runway.tasks) == 1


@pytest.mark.parametrize(
    "code",
    ["INTERNAL", "INPUT_PREPROCESSING.INTERNAL", "THIRD_PARTY.UNAVAILABLE", "NEW.CODE", None],
)
def test_other_failures_are_for_later(infer, runway, code):
    runway.script(failed(code))
    with pytest.raises(TryLater):
        infer()


def complaint(field):
    issues = [{"code": "invalid", "message": "Invalid input", "path": [field]}]
    return json.dumps({"error": "Validation of body failed", "issues": issues}).encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (complaint("promptImage"), "Validation of body failed: promptImage: Invalid input"),
        (b'{"error": "Invalid asset"}', "Invalid asset"),
    ],
)
def test_a_400_about_the_photo_is_the_photos_fault(infer, runway, body, said):
    runway.trouble("create", Canned(400, body))
    words = rf"the video service refused the task: .* \(HTTP 400: {said}\)"
    with pytest.raises(RequestRefused, match=words):
        infer()
    assert infer(lease_id="w#2").links


def refuse_without_a_reason(infer, runway, **changes):
    runway.trouble("create", Canned(400, b'{"error": "no"}'))
    with pytest.raises(TryLater, match="does not say what is wrong"):
        infer(**changes)


def test_an_item_that_alone_is_refused_without_a_reason_is_given_up_after_three_times(
    backend, infer, runway
):
    for number in range(3):
        refuse_without_a_reason(infer, runway, lease_id=f"w#{number}")
        infer(item_id=f"other-{number}", lease_id=f"v#{number}")
    with pytest.raises(RequestRefused, match=r"refused it 3 times and took others: HTTP 400: no"):
        infer(lease_id="w#3")
    assert backend().today().videos == 3


def test_refusals_without_a_reason_count_for_nothing_while_no_item_is_taken(infer, runway):
    for number in range(5):
        refuse_without_a_reason(infer, runway, lease_id=f"w#{number}")
        refuse_without_a_reason(infer, runway, item_id="other", lease_id=f"v#{number}")
    assert infer(item_id="other", lease_id="v#5").links
    assert infer(lease_id="w#5").links


def test_refusals_without_a_reason_are_forgotten_once_the_item_is_taken(infer, runway):
    for number in range(2):
        refuse_without_a_reason(infer, runway, lease_id=f"w#{number}")
        infer(item_id=f"other-{number}", lease_id=f"v#{number}")
    refuse_without_a_reason(infer, runway, lease_id="w#2")
    made = infer(lease_id="w#3")
    infer(item_id="other-2", lease_id="v#2")
    assert infer(lease_id="w#4").task_id == made.task_id


def test_a_model_that_runway_no_longer_has_is_said_by_name(infer, runway):
    words = (
        "does not make videos with this model "
        "(gen3a_turbo; HTTP 400: Validation of body failed: model: Invalid input)"
    )
    with pytest.raises(RequestRefused, match=re.escape(words)):
        infer(provider="gen3a_turbo")
    assert len(runway.asked("create")) == 1


def test_a_default_model_that_is_gone_fails_no_ones_task(backend, infer, runway):
    made = backend(model="gen3a_turbo")
    with pytest.raises(TryLater, match="set runway_model to another"):
        infer(made, provider=None)
    assert "gen3a_turbo" in made.unavailable()
    assert "set runway_model to another" in made.unavailable()
    assert runway.tasks == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"error": "You do not have enough credits to run this task."}', "out of credit"),
        (402, b"{}", "out of credit"),
        (429, b'{"error": "You have reached your daily limit."}', "day's quota"),
        (401, b"{}", "refuses the key"),
        (403, b"{}", "refuses the key"),
        (404, b"{}", "does not understand"),
        (405, b"{}", "does not understand"),
        (307, b"", "does not understand"),
        (400, complaint("ratio"), "does not understand"),
        (400, b"{}", "does not say what is wrong"),
        (400, b"<html>Bad Request</html>", "does not say what is wrong"),
    ],
)
def test_our_own_troubles_fail_no_task_and_stop_the_leasing_for_a_while(
    backend, infer, runway, clock, status, body, words
):
    made = backend()
    runway.trouble("create", Canned(status, body))
    with pytest.raises(TryLater, match=words):
        infer(made)
    assert len(runway.asked("create")) == 1
    assert words in made.unavailable()
    assert "paused until" in made.unavailable()
    clock.sleep(3700)
    assert made.unavailable() is None


def test_an_account_without_credit_is_noticed_before_anything_is_promised(backend, infer, runway):
    runway.set_credit(0)
    with pytest.raises(TryLater, match=r"out of credit .* buy credits"):
        infer()


def test_a_redirect_is_not_followed(infer, runway):
    elsewhere = (("Location", f"{runway.url}/v1/image_to_video"),)
    runway.trouble("create", Canned(307, b"", headers=elsewhere))
    with pytest.raises(TryLater):
        infer()
    assert len(runway.asked("create")) == 1


def test_a_key_that_is_refused_later_leaves_the_running_task_alone(backend, infer, runway):
    runway.trouble("look", Canned(401, b"{}"))
    with pytest.raises(TryLater, match="refuses the key"):
        infer()
    assert "check RUNWAY_API_KEY" in backend().unavailable()
    assert infer(lease_id="w#2").task_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1
