"""Metadata goes; the pixels' own bytes stay."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin, TiffImagePlugin

from inference.runway.metadata import (
    jpeg_without_metadata,
    png_without_metadata,
    webp_without_metadata,
)

PHOTO = Path(__file__).resolve().parents[3] / "photos" / "coffee.jpg"
PLACE = b"37.5665N 126.9780E"


def exif():
    tags = Image.Exif()
    tags[0x010E] = PLACE.decode()  # ImageDescription
    tags.get_ifd(0x8825)[2] = tuple(TiffImagePlugin.IFDRational(n) for n in (37, 33, 59))  # GPS
    return tags


def saved(image, form, **options):
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


@pytest.fixture(scope="module")
def picture():
    with Image.open(PHOTO) as image:
        return image.convert("RGB").resize((160, 120))


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


def metadata(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return dict(image.getexif()), {k for k in image.info if k in {"comment", "xmp", "Author"}}


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_keeps_its_compressed_pixels_and_its_colours_alone(picture, options):
    profile = b"\0" * 200
    data = saved(
        picture,
        "JPEG",
        exif=exif(),
        comment=PLACE,
        xmp=b"<x:xmpmeta>" + PLACE,
        icc_profile=profile,
        **options,
    )
    stripped = jpeg_without_metadata(data)
    assert PLACE not in stripped
    assert metadata(stripped) == ({}, set())
    assert pixels(stripped) == pixels(data)
    assert Image.open(io.BytesIO(stripped)).info["icc_profile"] == profile


def test_what_a_phone_writes_behind_a_jpeg_is_cut_off(picture):
    data = saved(picture, "JPEG")
    assert jpeg_without_metadata(data + b"ftypmp42" + PLACE) == jpeg_without_metadata(data)


def test_the_second_picture_of_an_mpo_is_cut_off(picture):
    target = io.BytesIO()
    picture.save(target, "MPO", save_all=True, append_images=[picture.rotate(180)], exif=exif())
    stripped = jpeg_without_metadata(target.getvalue())
    assert Image.open(io.BytesIO(stripped)).format == "JPEG"
    assert PLACE not in stripped
    assert pixels(stripped) == pixels(target.getvalue())


def test_a_png_keeps_its_pixels_alone(picture):
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", PLACE.decode())
    text.add_itxt("Place", PLACE.decode())
    data = saved(picture, "PNG", exif=exif(), pnginfo=text)
    stripped = png_without_metadata(data + PLACE)
    assert PLACE not in stripped
    assert metadata(stripped) == ({}, set())
    assert pixels(stripped) == pixels(data)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}])
def test_a_webp_keeps_its_pixels_alone(picture, options):
    data = saved(picture, "WEBP", exif=exif(), xmp=b"<x:xmpmeta>" + PLACE, **options)
    stripped = webp_without_metadata(data)
    assert PLACE not in stripped
    assert metadata(stripped) == ({}, set())
    assert pixels(stripped) == pixels(data)


def test_a_moving_picture_is_left_to_the_way_over_the_pixels(picture):
    frames = {"save_all": True, "append_images": [picture.rotate(90, expand=False)]}
    assert png_without_metadata(saved(picture, "PNG", **frames)) is None
    assert webp_without_metadata(saved(picture, "WEBP", **frames)) is None


@pytest.mark.parametrize(
    ("strip", "form"),
    [
        (jpeg_without_metadata, "JPEG"),
        (png_without_metadata, "PNG"),
        (webp_without_metadata, "WEBP"),
    ],
)
@given(data=st.data())
def test_no_damage_makes_it_fail_or_hang(strip, form, data):
    whole = saved(Image.linear_gradient("L").resize((16, 16)), form)
    cut = data.draw(st.integers(0, len(whole)))
    at = data.draw(st.integers(0, max(cut - 1, 0)))
    damaged = bytearray(whole[:cut])
    if damaged:
        damaged[at] = data.draw(st.integers(0, 255))
    assert isinstance(strip(bytes(damaged)), bytes | None)


@given(st.binary(max_size=300))
def test_foreign_bytes_are_not_understood(data):
    assert png_without_metadata(data) is None
