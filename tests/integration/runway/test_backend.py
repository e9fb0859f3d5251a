"""A video from Runway, from the request to the checked file."""

import base64
import io
import shutil
from dataclasses import replace

import pytest
from PIL import Image

from inference.backend import CancelToken
from inference.errors import BackendUnusable, RequestRefused, TryLater
from inference.registry import backend_class
from inference.runway.backend import RunwayBackend
from inference.runway.prompt import DEFAULT
from inference.seed import seed_for
from tests.fakes.bad_server.faults import Canned, Delay
from tests.fakes.runway import Look
from tests.integration.runway.sample import PHOTO, PHOTOS, REQUEST, silent


def test_a_photo_becomes_a_checked_video_that_names_its_runway_task(
    backend, infer, runway, tmp_path
):
    made = backend()
    target = tmp_path / "video.mp4"
    video = made.encode(infer(made), target, silent, CancelToken())
    assert (video.path, video.width, video.height) == (target, 64, 48)
    assert video.remote_id == runway.tasks[0].task_id
    assert video.size_bytes == target.stat().st_size
    assert list(tmp_path.glob("*.part")) == []


def test_the_create_says_what_the_task_asked_for(infer, runway):
    infer()
    body = runway.bodies[0]
    picture = body.pop("promptImage")
    assert body == {
        "model": "gen4_turbo",
        "promptText": "the steam rises",
        "duration": 5,
        "ratio": "1104:832",
        "seed": 7,
    }
    assert base64.b64decode(picture.partition(",")[2])[:2] == b"\xff\xd8"


def test_the_settings_decide_where_the_task_is_silent(backend, infer, runway):
    made = backend(model="veo3.1", ratio="720:1280")
    infer(made, provider=None, frame_num=None, prompt="  ")
    body = runway.bodies[0]
    assert (body["model"], body["duration"]) == ("veo3.1", 6)
    assert (body["ratio"], body["promptText"]) == ("720:1280", DEFAULT)


def test_an_unknown_provider_runs_the_default_model_with_a_warning(infer, runway, lines):
    infer(provider="sora")
    assert runway.bodies[0]["model"] == "gen4_turbo"
    assert any("'sora' is unknown" in line for line in lines)


def test_a_prompt_that_is_too_long_is_cut_with_a_warning(infer, runway, lines):
    infer(prompt="🎞" * 501)
    assert runway.bodies[0]["promptText"] == "🎞" * 500
    assert any("the prompt has 1002 characters" in line for line in lines)


def test_the_seed_of_an_item_fits_into_runways_32_bits(infer, runway):
    infer(seed=seed_for("item-1"))
    assert runway.bodies[0]["seed"] == seed_for("item-1") % 2**32


def test_a_photo_on_its_side_is_sent_upright_and_without_metadata(infer, runway):
    infer(photo=PHOTOS / "cat-rotated.jpg")
    data = base64.b64decode(runway.bodies[0]["promptImage"].partition(",")[2])
    with Image.open(PHOTOS / "cat-rotated.jpg") as lying, Image.open(io.BytesIO(data)) as sent:
        assert (sent.width > sent.height) is not (lying.width > lying.height)
        assert dict(sent.getexif()) == {}


@pytest.fixture
def large(tmp_path):
    """A photo of more bytes than a request takes."""
    photo = tmp_path / "photo"
    Image.effect_noise((2000, 2000), 90).convert("RGB").save(photo, "PNG", compress_level=0)
    return photo


def test_a_photo_too_large_for_a_request_is_uploaded_first(infer, runway, large):
    infer(photo=large)
    uri = runway.bodies[0]["promptImage"]
    assert uri.startswith("runway://")
    assert Image.open(io.BytesIO(runway.world.uploads[uri])).size == (2000, 2000)


TOO_LARGE = {
    "413": Canned(413, b"<html>Request Entity Too Large</html>", "text/html"),
    "400": Canned(400, b'{"error": "promptImage: Data URI is too large"}'),
}


@pytest.mark.parametrize("answer", TOO_LARGE)
def test_a_photo_that_is_too_large_after_all_is_uploaded_within_the_lease(
    backend, infer, runway, answer
):
    runway.trouble("create", TOO_LARGE[answer])
    assert infer().links
    assert [body["promptImage"].partition(":")[0] for body in runway.bodies] == ["runway"]
    assert backend().unavailable() is None
    assert backend().today().videos == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [("413", TryLater, "does not say what is wrong"), ("400", RequestRefused, "refused the task")],
)
def test_a_photo_that_is_too_large_even_so_is_not_uploaded_again(
    infer, runway, answer, error, words
):
    runway.trouble("create", TOO_LARGE[answer], times=99)
    with pytest.raises(error, match=words):
        infer()
    assert (len(runway.asked("create")), len(runway.asked("start-upload"))) == (2, 1)


def test_an_upload_that_fails_is_tried_again_and_costs_nothing(infer, runway, large):
    runway.trouble("start-upload", Canned(503, b"{}"))
    runway.trouble("store", Canned(500, b"<Error/>"))
    infer(photo=large)
    assert len(runway.tasks) == 1


def test_progress_follows_runways_own_word_and_throttling_is_a_sign_of_life(infer, runway):
    throttled = (Look("THROTTLED"),) * 3
    runway.script((*throttled, Look("RUNNING", 0.25), Look("RUNNING", 0.5), Look("SUCCEEDED")))
    seen = []
    infer(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 1000)] * 3 + [(250, 1000), (500, 1000), (1000, 1000)]


def test_a_state_that_nobody_has_heard_of_is_waited_out(infer, runway):
    runway.script((Look("DREAMING"), Look("SUCCEEDED")))
    assert infer().task_id == runway.tasks[0].task_id


def test_the_photos_own_faults_are_found_before_anything_is_paid(backend, runway, tmp_path):
    broken = tmp_path / "photo"
    broken.write_bytes(PHOTO.read_bytes()[:20_000])
    with pytest.raises(RequestRefused, match="the photo could not be read"):
        backend().prepare(replace(REQUEST, photo=broken))
    assert runway.asked("create") == []


def test_a_task_for_a_gpu_worker_is_left_to_it(backend, runway):
    with pytest.raises(TryLater, match="GPU worker"):
        backend().prepare(replace(REQUEST, provider="wan_local"))


def test_a_request_without_its_lease_is_a_bug_and_costs_nothing(backend):
    with pytest.raises(ValueError, match="lease_id"):
        backend().prepare(replace(REQUEST, lease_id=""))


def test_a_wrong_key_ends_the_child_at_once(backend):
    with pytest.raises(BackendUnusable, match="refuses the key"):
        backend(api_key="key_wrong")


def test_a_runway_that_cannot_be_reached_does_not_keep_the_child_from_starting(backend, runway):
    runway.trouble("organization", Canned(503, b"<html>"))
    assert backend().unavailable() is None


def test_a_state_folder_that_cannot_be_written_ends_the_child(backend, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnusable, match="file"):
        backend(journal_dir=tmp_path / "file" / "state")


def test_it_uses_no_device_and_has_its_lease_confirmed_twice(backend):
    made = backend()
    assert made.device_uuid() is None
    assert made.confirmations == 2
    made.close()


def test_the_settings_name_is_enough_to_find_it():
    assert backend_class("runway") is RunwayBackend


def test_a_look_that_hangs_is_given_up_and_repeated(backend, infer, runway):
    first = infer()
    runway.trouble("look", Delay(60))
    before = len(runway.asked("look"))
    again = infer(backend(call_s=1.0), lease_id="w#2")
    assert again.task_id == first.task_id
    assert len(runway.asked("look")) >= before + 2


def test_a_photo_that_was_downloaded_again_is_the_same_photo(infer, runway, tmp_path):
    first = infer()
    moved = shutil.copy(PHOTO, tmp_path / "elsewhere")
    again = infer(photo=tmp_path / moved, lease_id="w#2")
    assert again.task_id == first.task_id
    assert len(runway.tasks) == 1
