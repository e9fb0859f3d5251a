"""The fake Runway's shapes, proven by driving it with the official SDK."""

import base64
import io
import time

import pytest
import runwayml
from runwayml.lib import polling

from tests.fakes.bad_server.faults import Canned, Reset
from tests.fakes.runway import Look, failed
from tests.integration.runway.sample import PHOTO

PICTURE = "data:image/jpeg;base64," + base64.b64encode(PHOTO.read_bytes()).decode()


@pytest.fixture(autouse=True)
def no_time_between_looks(monkeypatch):
    """The SDK waits six seconds between two looks; its constants are all that can be set."""
    monkeypatch.setattr(polling, "POLL_TIME", 0.01)
    monkeypatch.setattr(polling, "POLL_JITTER", 0.0)


@pytest.fixture
def sdk(runway):
    with runwayml.RunwayML(
        api_key=runway.key,
        base_url=runway.url,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


def create(sdk, **changes):
    asked = {
        "model": "gen4_turbo",
        "prompt_image": PICTURE,
        "prompt_text": "the steam rises",
        "duration": 5,
        "ratio": "1280:720",
    }
    return sdk.image_to_video.create(**(asked | changes))


def test_a_video_is_made_from_create_to_output(sdk, runway):
    done = create(sdk, seed=4294967295).wait_for_task_output(timeout=10)
    assert done.status == "SUCCEEDED"
    assert done.cost.credits == 25
    assert sdk._client.get(done.output[0]).content[4:8] == b"ftyp"
    assert [task.body["seed"] for task in runway.tasks] == [4294967295]


@pytest.mark.parametrize(
    "look",
    [
        Look("PENDING"),
        Look("THROTTLED"),
        Look("RUNNING", 0.5),
        Look("SUCCEEDED"),
        Look("FAILED", code="INTERNAL"),
        Look("FAILED"),
        Look("CANCELLED", credits_charged=0),
    ],
    ids=lambda look: f"{look.status}-{look.code}",
)
def test_each_of_the_six_states_has_the_sdks_shape(sdk, runway, look):
    runway.script((look,))
    seen = sdk.tasks.retrieve(create(sdk).id)
    assert seen.status == look.status
    assert type(seen).__name__.removeprefix("Awaitable").upper() == look.status


def test_a_failure_carries_its_code_and_its_words(sdk, runway):
    runway.script(failed("SAFETY.INPUT.IMAGE", "The image was refused."))
    with pytest.raises(runwayml.TaskFailedError) as raised:
        create(sdk).wait_for_task_output(timeout=10)
    details = raised.value.task_details
    assert (details.failure_code, details.failure) == (
        "SAFETY.INPUT.IMAGE",
        "The image was refused.",
    )


def test_an_upload_can_be_used_in_a_create(sdk, runway):
    photo = b"\x89PNG\r\n\x1a\n" + bytes(600)
    uri = sdk.uploads.create_ephemeral(file=("photo.png", io.BytesIO(photo), "image/png")).uri
    create(sdk, prompt_image=uri)
    assert runway.world.uploads[uri] == photo


def test_an_upload_that_never_was_is_refused(sdk):
    with pytest.raises(runwayml.BadRequestError, match="promptImage"):
        create(sdk, prompt_image="runway://never")


def test_a_cancelled_task_stays_cancelled(sdk, runway):
    runway.script((Look("THROTTLED"),))
    task_id = create(sdk).id
    sdk.tasks.delete(task_id)
    assert sdk.tasks.retrieve(task_id).status == "CANCELLED"


def test_a_finished_task_is_deleted_and_then_gone(sdk):
    done = create(sdk).wait_for_task_output(timeout=10)
    sdk.tasks.delete(done.id)
    with pytest.raises(runwayml.NotFoundError):
        sdk.tasks.retrieve(done.id)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": "gen3a_turbo"}, "model"),
        ({"duration": 11}, "duration"),
        ({"ratio": "1920:1080"}, "ratio"),
        ({"prompt_text": "a" * 1001}, "promptText"),
        ({"prompt_image": "data:image/gif;base64,AAAA"}, "promptImage"),
        ({"prompt_image": f"data:image/png;base64,{'A' * 4_400_004}"}, "promptImage"),
        ({"seed": 2**32}, "seed"),
        ({"model": "veo3.1", "duration": 5}, "duration"),
    ],
)
def test_a_create_outside_the_models_rules_is_refused_with_the_fields_name(sdk, changes, field):
    with pytest.raises(runwayml.BadRequestError, match=field):
        create(sdk, **changes)


def test_a_wrong_key_is_refused(runway):
    with (
        runwayml.RunwayML(api_key="wrong", base_url=runway.url, max_retries=0) as stranger,
        pytest.raises(runwayml.AuthenticationError),
    ):
        create(stranger)


def test_an_account_without_credit_is_told_so(sdk, runway):
    runway.set_credit(10)
    with pytest.raises(runwayml.BadRequestError, match="enough credits"):
        create(sdk)


def test_the_organization_says_what_is_left(sdk):
    assert sdk.organization.retrieve().credit_balance == 1_000_000


def test_links_expire_and_a_new_look_gives_fresh_ones(sdk, runway):
    done = create(sdk).wait_for_task_output(timeout=10)
    runway.expire_links()
    assert sdk._client.get(done.output[0]).status_code == 401
    assert sdk._client.get(sdk.tasks.retrieve(done.id).output[0]).status_code == 200


def test_faults_come_before_or_after_the_effect(sdk, runway):
    runway.trouble("create", Canned(429, b'{"error": "slow down"}'))
    with pytest.raises(runwayml.RateLimitError):
        create(sdk)
    assert runway.tasks == []
    runway.trouble("create", Reset(after_effect=True))
    with pytest.raises(runwayml.APIConnectionError):
        create(sdk)
    assert len(runway.tasks) == 1


def test_the_sdk_itself_pays_twice_when_an_answer_is_lost(runway):
    """Why the product has a client of its own."""
    runway.trouble("create", Canned(504, b"{}", after_effect=True))
    with runwayml.RunwayML(api_key=runway.key, base_url=runway.url, max_retries=1) as client:
        begun = time.monotonic()
        create(client)
        assert time.monotonic() - begun < 10
    assert len(runway.tasks) == 2
