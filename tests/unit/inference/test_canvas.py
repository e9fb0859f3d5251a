"""The choice of a video's size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.canvas import WIDEST, Canvas, canvas_for, is_cropped_hard

NATIVE_5B = 1280 * 704


@pytest.mark.parametrize(
    ("photo", "multiple", "area", "canvas"),
    [
        ((1280, 704), 32, NATIVE_5B, (1280, 704)),
        ((704, 1280), 32, NATIVE_5B, (704, 1280)),
        ((1920, 1080), 32, NATIVE_5B, (1248, 704)),
        ((4000, 3000), 32, NATIVE_5B, (1088, 800)),
        ((3000, 4000), 32, NATIVE_5B, (800, 1088)),
        ((1000, 1000), 32, NATIVE_5B, (928, 928)),
        ((1920, 1080), 16, 1280 * 720, (1280, 720)),
        ((832, 480), 16, 832 * 480, (832, 480)),
        ((96, 64), 32, 96 * 64, (96, 64)),
        ((64, 96), 32, 96 * 64, (64, 96)),
        ((500, 100), 32, 32 * 64, (64, 32)),
    ],
)
def test_the_size_follows_the_photo(photo, multiple, area, canvas):
    assert canvas_for(*photo, area=area, multiple=multiple) == Canvas(*canvas)


def test_a_panorama_gets_the_widest_shape():
    assert canvas_for(20_000, 2_000, area=NATIVE_5B, multiple=32) == canvas_for(
        3_000, 1_000, area=NATIVE_5B, multiple=32
    )


@pytest.mark.parametrize(
    ("photo", "cropped"),
    [((3000, 1000), False), ((3001, 1000), True), ((1000, 3001), True), ((4000, 3000), False)],
)
def test_only_what_is_longer_than_three_to_one_loses_its_ends(photo, cropped):
    assert is_cropped_hard(*photo) is cropped


@given(
    width=st.integers(1, 50_000),
    height=st.integers(1, 50_000),
    multiple=st.sampled_from([16, 32]),
    area=st.integers(1024, 2048 * 2048),
)
def test_every_size_is_one_that_the_model_takes(width, height, multiple, area):
    canvas = canvas_for(width, height, area=area, multiple=multiple)
    assert canvas.width % multiple == canvas.height % multiple == 0
    assert 0 < canvas.width * canvas.height <= area


@given(width=st.integers(64, 20_000), height=st.integers(64, 20_000))
def test_at_native_size_little_is_cropped_and_the_area_is_used(width, height):
    canvas = canvas_for(width, height, area=NATIVE_5B, multiple=32)
    shape = min(max(width / height, 1 / WIDEST), WIDEST)
    ratio = canvas.width / canvas.height / shape
    assert 0.93 < ratio < 1.08
    assert canvas.width * canvas.height > 0.88 * NATIVE_5B
