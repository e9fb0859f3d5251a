"""Which videos show nothing, and which files are not what was asked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.backend import Video
from inference.errors import BadOutput
from inference.video import check, refuse_blank

VIDEO = Video(Path("x.mp4"), 121, 1280, 704, 24.0, 121 / 24, 1_000_000)


def test_a_video_with_something_to_see_passes():
    refuse_blank([200] * 121, brightest=255)


def test_a_video_may_fade_from_and_to_black():
    refuse_blank([0] * 30 + [120] * 61 + [0] * 30, brightest=180)


def test_black_is_called_black():
    with pytest.raises(BadOutput, match="121 of 121 frames are black"):
        refuse_blank([2] * 121, brightest=17)


def test_one_colour_is_called_one_colour():
    with pytest.raises(BadOutput, match="9 of 9 frames are a single colour"):
        refuse_blank([0] * 9, brightest=128)


def test_one_good_frame_does_not_save_the_rest():
    with pytest.raises(BadOutput, match="120 of 121"):
        refuse_blank([200] + [0] * 120, brightest=255)


def test_a_video_as_asked_for_passes():
    check(VIDEO, frames=121, width=1280, height=704, fps=24)


@pytest.mark.parametrize(
    "wrong", [{"frames": 120}, {"width": 1248}, {"height": 720}, {"fps": 23.976}, {"fps": 16.0}]
)
def test_a_video_of_another_size_length_or_rate_is_refused(wrong):
    with pytest.raises(BadOutput, match="not 121 frames of 1280 x 704 at 24 fps"):
        check(replace(VIDEO, **wrong), frames=121, width=1280, height=704, fps=24)
