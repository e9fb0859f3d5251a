"""A photo as it goes to Runway."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from inference.errors import PhotoUnreadable
from inference.runway.picture import picture_of
from inference.runway.prepared import INLINE_BYTES, data_uri

PHOTOS = Path(__file__).resolve().parents[3] / "photos"


@pytest.fixture
def file(tmp_path):
    """file(image, form, **options): a photo on disk."""

    def save(image, form, **options):
        path = tmp_path / "photo"
        image.save(path, form, **options)
        return path

    return save


def two_halves(mode="RGB"):
    """60 x 40, red left and blue right."""
    image = Image.new("RGB", (60, 40), "red")
    image.paste("blue", (30, 0, 60, 40))
    return image.convert(mode)


def opened(picture):
    return Image.open(io.BytesIO(picture.data))


@pytest.mark.parametrize(("form", "kind"), [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp")])
def test_what_runway_takes_goes_as_it_came(file, form, kind):
    path = file(two_halves(), form)
    picture = picture_of(path)
    assert picture.media_type == f"image/{kind}"
    assert (picture.width, picture.height) == (60, 40)
    assert opened(picture).tobytes() == Image.open(path).tobytes()


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF"])
def test_what_runway_does_not_take_becomes_a_jpeg(file, form):
    picture = picture_of(file(two_halves(), form))
    assert picture.media_type == "image/jpeg"
    assert opened(picture).size == (60, 40)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_colour_modes_come_out_as_people_see_them(file, mode):
    picture = picture_of(file(two_halves(mode), "JPEG"))
    assert opened(picture).mode in {"RGB", "L"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_rotations_arrive_upright(file, orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    picture = picture_of(file(two_halves(), "JPEG", exif=tags, quality=95))
    sent = opened(picture)
    on_its_side = orientation >= 5
    assert sent.size == ((40, 60) if on_its_side else (60, 40))
    assert (picture.width, picture.height) == sent.size
    assert dict(sent.getexif()) == {}
    red_first = orientation in (1, 4, 5, 6)
    first = sent.convert("RGB").getpixel((20, 5) if on_its_side else (5, 20))
    assert (first[0] > first[2]) is red_first


def test_transparency_becomes_white(file):
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture = picture_of(file(image, "PNG"))
    assert opened(picture).getpixel((20, 20)) == (255, 255, 255)


def test_only_the_first_picture_of_a_moving_one_is_sent(file):
    path = file(two_halves(), "PNG", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    picture = picture_of(path)
    assert getattr(opened(picture), "n_frames", 1) == 1
    assert opened(picture).getpixel((5, 5))[0] > 200


@pytest.mark.parametrize(
    "content", [b"", b"<html></html>", (PHOTOS / "coffee.jpg").read_bytes()[:9000]]
)
def test_what_is_no_photo_is_refused(tmp_path, content):
    path = tmp_path / "photo"
    path.write_bytes(content)
    with pytest.raises(PhotoUnreadable):
        picture_of(path)


def test_a_data_uri_holds_what_runway_takes_and_no_more(file):
    picture = picture_of(file(two_halves(), "PNG"))
    assert data_uri(picture).startswith("data:image/png;base64,")
    most = replace(picture, data=bytes(INLINE_BYTES))
    assert len(data_uri(most)) < 5_000_000
    assert data_uri(replace(most, data=bytes(INLINE_BYTES + 1))) is None
