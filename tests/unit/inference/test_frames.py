"""The number of frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import RequestRefused
from inference.wan.frames import Length, length_for


@pytest.mark.parametrize("asked", [5, 73, 81, 121, 169, 241])
def test_4k_plus_1_is_honoured_exactly(asked):
    assert length_for(asked, default=121, policy="exact", fps=16) == Length(asked)


@pytest.mark.parametrize("policy", ["exact", "duration"])
@pytest.mark.parametrize(("preset", "fps"), [(81, 16), (121, 24), (121, 16)])
def test_no_number_means_the_presets_frames_under_either_policy(policy, preset, fps):
    assert length_for(None, default=preset, policy=policy, fps=fps) == Length(preset)


@pytest.mark.parametrize(
    ("asked", "made"), [(120, 121), (122, 121), (123, 125), (6, 5), (240, 241)]
)
def test_another_number_is_rounded_and_said(asked, made):
    length = length_for(asked, default=121, policy="exact", fps=24)
    assert length.frames == made
    assert f"{asked} frames became {made}" in length.note


@pytest.mark.parametrize(("asked", "made"), [(73, 49), (121, 81), (169, 113), (241, 161), (5, 5)])
def test_duration_keeps_the_seconds_at_16_fps(asked, made):
    length = length_for(asked, default=81, policy="duration", fps=16)
    assert length.frames == made
    assert length.note == f"{asked} frames at 24 fps became {made} at 16 fps"


def test_duration_at_24_fps_is_exact():
    assert length_for(121, default=121, policy="duration", fps=24) == Length(121)


@pytest.mark.parametrize("asked", [-3, 0, 1, 4, 242, 10**9])
@pytest.mark.parametrize("policy", ["exact", "duration"])
def test_an_impossible_length_is_refused_in_words(asked, policy):
    with pytest.raises(RequestRefused, match=f"impossible length: {asked} frames"):
        length_for(asked, default=121, policy=policy, fps=16)


@given(asked=st.integers(5, 241), policy=st.sampled_from(["exact", "duration"]))
def test_every_length_is_4k_plus_1(asked, policy):
    frames = length_for(asked, default=121, policy=policy, fps=16).frames
    assert frames % 4 == 1
    assert 5 <= frames <= 241
