"""A request made ready for the device."""

from pathlib import Path

import pytest

from inference.backend import Request
from inference.errors import RequestRefused
from inference.wan.family import I2V_A14B, TI2V_5B
from inference.wan.prepared import clean_prompt, prepare
from inference.wan.settings import parse, recipe_for

PHOTOS = Path(__file__).parents[2] / "photos"


def prepared(photo: str, frame_num=9, family=TI2V_5B, options=()):
    settings = parse({"video_size": "96*64", **dict(options)})
    request = Request("item", PHOTOS / photo, "a walk", frame_num, None, seed=7)
    return prepare(request, settings, recipe_for(settings, family), family)


@pytest.mark.parametrize(
    ("photo", "size"),
    [("astronaut.jpg", (64, 64)), ("coffee.jpg", (96, 64)), ("cat-rotated.jpg", (96, 64))],
)
def test_real_photos_keep_their_shape(photo, size):
    ready = prepared(photo)
    assert (ready.width, ready.height) == ready.image.size == size
    assert ready.image.mode == "RGB"
    assert ready.notes == ()


def test_the_seed_and_the_item_go_along():
    ready = prepared("coffee.jpg")
    assert (ready.item_id, ready.seed, ready.frames) == ("item", 7, 9)


def test_no_length_means_the_settings_then_the_familys():
    assert prepared("coffee.jpg", frame_num=None).frames == 121
    assert prepared("coffee.jpg", frame_num=None, family=I2V_A14B).frames == 81
    assert prepared("coffee.jpg", frame_num=None, options={"frame_num": 73}).frames == 73


@pytest.mark.parametrize("policy", ["exact", "duration"])
@pytest.mark.parametrize(("preset", "made"), [(81, 81), (121, 121), (80, 81), (None, 81)])
def test_a_presets_length_counts_frames_of_the_finished_video(policy, preset, made):
    options = {"frame_num": preset, "frame_policy": policy}
    ready = prepared("coffee.jpg", frame_num=None, family=I2V_A14B, options=options)
    assert (ready.frames, ready.notes) == (made, ())


@pytest.mark.parametrize(("policy", "made"), [("exact", 121), ("duration", 81)])
def test_the_policy_is_about_the_tasks_own_number(policy, made):
    options = {"frame_num": 49, "frame_policy": policy}
    assert prepared("coffee.jpg", 121, I2V_A14B, options).frames == made


def test_a_rounded_length_is_noted():
    assert prepared("coffee.jpg", frame_num=10).notes == (
        "10 frames became 9: the model makes 4k + 1",
    )


def test_an_impossible_length_is_refused_before_the_photo_is_read():
    with pytest.raises(RequestRefused, match="impossible length"):
        prepared("no-such-photo.jpg", frame_num=0)


def test_a_missing_photo_is_no_fault_of_the_task():
    with pytest.raises(FileNotFoundError):
        prepared("no-such-photo.jpg")


@pytest.mark.parametrize(
    ("prompt", "cleaned"),
    [
        ("행복한 가족", "행복한 가족"),
        ("  spaces  ", "spaces"),
        ("", "default"),
        (" \n\t", "default"),
        ("--help", "--help"),
        ("a\ud800b", "a?b"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
    ],
)
def test_a_prompt_is_data(prompt, cleaned):
    assert clean_prompt(prompt, "default") == cleaned
