"""Photos as strangers send them."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from inference.canvas import Canvas
from inference.errors import PhotoUnreadable
from inference.photo import FILE_LIMIT_BYTES, fill, read_photo

PHOTOS = Path(__file__).parents[2] / "photos"

RED, GREEN, BLUE, GREY = (250, 10, 10), (10, 250, 10), (10, 10, 250), (128, 128, 128)
ORIENTATION = 0x0112
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What a camera held that way does to the scene before it writes the orientation beside it."""


@pytest.fixture
def photo(tmp_path):
    def save(image_or_bytes, name="photo.jpg", **options) -> Path:
        path = tmp_path / name
        if isinstance(image_or_bytes, bytes):
            path.write_bytes(image_or_bytes)
        else:
            image_or_bytes.save(path, **options)
        return path

    return save


def scene() -> Image.Image:
    """80 x 48 with a corner of its own colour at each end: no two orientations look the same."""
    image = Image.new("RGB", (80, 48), "white")
    for colour, corner in zip(
        (RED, GREEN, BLUE, GREY), ((0, 0), (64, 0), (0, 32), (64, 32)), strict=True
    ):
        image.paste(colour, (*corner, corner[0] + 16, corner[1] + 16))
    return image


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    right, bottom = image.width - 8, image.height - 8
    return [image.getpixel(at) for at in ((8, 8), (right, 8), (8, bottom), (right, bottom))]


def near(pixel, expected, by=6) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, expected, strict=True))


def reason(path: Path) -> str:
    with pytest.raises(PhotoUnreadable) as raised:
        read_photo(path)
    message = str(raised.value)
    assert message.startswith("the photo could not be read: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_comes_out_upright(photo, orientation, kind):
    turn = STORED_AS[orientation]
    stored = scene() if turn is None else scene().transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    read = read_photo(photo(stored, format=kind, exif=exif))
    assert read.size == (80, 48)
    assert all(map(near, corners(read), (RED, GREEN, BLUE, GREY), [12] * 4))


def test_a_phones_photo_is_shown_upright():
    assert read_photo(PHOTOS / "cat-rotated.jpg").size == (451, 300)


# Pillow says so as well; here it is the point.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\xff\xff", b"\xff" * 40])
def test_damaged_exif_does_not_cost_the_photo(photo, exif):
    assert read_photo(photo(scene(), exif=exif)).size == (80, 48)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(photo, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert read_photo(photo(scene(), exif=exif)).size == (80, 48)


def test_no_metadata_travels_on(photo):
    exif = Image.Exif()
    exif[ORIENTATION] = 1
    exif.get_ifd(0x8825)[1] = "N"  # the GPS block
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    read = read_photo(photo(scene(), exif=exif, icc_profile=profile, comment="where I live"))
    assert read.info == {}
    assert not read.getexif()
    assert fill(read, Canvas(64, 64)).info == {}


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "shown"),
    [
        ("RGB", RED, "PNG", RED),
        ("L", 77, "JPEG", (77, 77, 77)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), "JPEG", (255, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("YCbCr", (128, 128, 128), "TIFF", (128, 128, 128)),
        ("LA", (77, 255), "PNG", (77, 77, 77)),
        ("LA", (77, 0), "PNG", (255, 255, 255)),
        ("RGBA", (*RED, 255), "WEBP", RED),
        ("RGBA", (*RED, 0), "PNG", (255, 255, 255)),
        ("RGBA", (0, 0, 0, 128), "PNG", (127, 127, 127)),
        ("I;16", 0x8000, "PNG", (128, 128, 128)),
        ("I;16", 0xFFFF, "TIFF", (255, 255, 255)),
    ],
)
def test_every_colour_mode_becomes_rgb(photo, mode, colour, kind, shown):
    read = read_photo(photo(Image.new(mode, (40, 40), colour), format=kind, lossless=True))
    assert read.mode == "RGB"
    assert near(read.getpixel((20, 20)), shown, by=3)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_without_a_range_use_their_own(photo, mode):
    image = Image.new(mode, (40, 40), 1000)
    image.paste(3000, (20, 0, 40, 40))
    read = read_photo(photo(image, format="TIFF"))
    assert near(read.getpixel((5, 5)), (0, 0, 0), by=1)
    assert near(read.getpixel((35, 5)), (255, 255, 255), by=1)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_with_transparency_lies_on_white(photo, kind):
    image = Image.new("P", (40, 40), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (20, 0, 40, 40))
    read = read_photo(photo(image, format=kind, transparency=0))
    assert read.getpixel((5, 5)) == (255, 255, 255)
    assert near(read.getpixel((35, 5)), BLUE)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_an_animation_the_first_picture_is_taken(photo, kind):
    others = [Image.new("RGB", (40, 40), colour) for colour in (GREEN, BLUE)]
    first = Image.new("RGB", (40, 40), RED)
    path = photo(first, format=kind, save_all=True, append_images=others)
    assert near(read_photo(path).getpixel((20, 20)), RED, by=12)


def test_the_colours_that_the_photo_means_are_the_ones_shown(photo):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile whose red is blue and whose blue is red.
    swapped = srgb.replace(b"rXYZ", b"----").replace(b"bXYZ", b"rXYZ").replace(b"----", b"bXYZ")
    path = photo(Image.new("RGB", (40, 40), RED), icc_profile=swapped, format="PNG")
    assert near(read_photo(path).getpixel((20, 20)), BLUE)


def test_a_profile_of_no_use_does_not_cost_the_photo(photo):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for foreign in (lab, xyz, b"no profile at all"):
        path = photo(Image.new("RGB", (40, 40), RED), icc_profile=foreign, format="PNG")
        assert near(read_photo(path).getpixel((20, 20)), RED)


def png(width: int, height: int) -> bytes:
    """A PNG that declares a size and has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + idat + chunk(b"IEND", b"")


def test_a_declared_size_is_refused_before_anything_is_decoded(photo):
    assert "100000 x 100000 pixels, more than 200 million" in reason(photo(png(100_000, 100_000)))


@pytest.mark.parametrize("size", [(1, 1), (20_000, 20), (31, 400)])
def test_what_is_too_small_or_too_thin_is_refused(photo, size):
    assert f"only {size[0]} x {size[1]} pixels" in reason(photo(Image.new("RGB", size)))


def test_the_smallest_photo_is_read(photo):
    assert read_photo(photo(Image.new("RGB", (32, 32)))).size == (32, 32)


def test_a_long_panorama_is_cut_to_its_middle(photo):
    image = Image.new("RGB", (20_000, 200), GREEN)
    image.paste(RED, (0, 0, 9_000, 200))
    middle = fill(read_photo(photo(image)), Canvas(96, 32))
    assert near(middle.getpixel((48, 16)), GREEN)


def test_an_empty_file_says_so(photo):
    assert "the file is empty" in reason(photo(b""))


def test_a_huge_file_is_refused_unread(photo):
    path = photo(b"x")
    with path.open("r+b") as file:
        file.truncate(5 * FILE_LIMIT_BYTES)  # sparse: takes no disk
    assert "the file has 524 MB, more than 105 MB" in reason(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_truncated_photo_is_refused(photo, kind, part):
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 90).convert("RGB").save(whole, kind)
    data = whole.getvalue()
    assert "photo could not be read" in reason(photo(data[: int(len(data) * part)]))


def heif(brand: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(box) + 4) + box + b"\0" * 64


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (heif(b"heic", b"mif1"), "HEIC"),
        (heif(b"mif1", b"heic"), "HEIC"),
        (heif(b"avif", b"mif1", b"miaf"), "AVIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<!DOCTYPE html><html><svg/></html>", "web page"),
        (b"\xef\xbb\xbf \n<HTML>", "web page"),
        (b'{"error": "not found"}', "JSON"),
        (b"\x00" * 100, "not a picture that we know"),
        (heif(b"isom", b"mp42"), "not a picture that we know"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture that we know"),
    ],
)
def test_what_is_no_photo_is_called_by_its_name(photo, data, words):
    message = reason(photo(data))
    assert words in message
    assert message.endswith("send a JPEG, PNG, WebP, GIF, BMP or TIFF")


def test_a_format_that_is_not_on_the_list_is_refused_though_pillow_reads_it(photo):
    assert "not a picture that we know" in reason(photo(scene(), format="PPM", name="x.ppm"))


def test_the_disks_faults_are_not_the_photos(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_photo(tmp_path / "missing.jpg")


def test_a_large_jpeg_is_decoded_no_larger_than_needed(photo):
    path = photo(Image.linear_gradient("L").resize((4000, 3000)).convert("RGB"))
    assert read_photo(path).size == (4000, 3000)
    assert read_photo(path, enough=700).size == (2000, 1500)
    assert read_photo(path, enough=2100).size == (4000, 3000)


@pytest.mark.parametrize("size", [(400, 100), (100, 400), (100, 100)])
def test_the_photo_covers_the_canvas_from_its_middle_unstretched(size):
    width, height = size
    image = Image.new("RGB", size, GREEN)
    image.paste(RED, (width // 2 - 20, height // 2 - 20, width // 2 + 20, height // 2 + 20))
    filled = fill(image, Canvas(200, 200))
    assert filled.size == (200, 200)
    red = [
        (x, y) for x in range(200) for y in range(200) if near(filled.getpixel((x, y)), RED, by=60)
    ]
    # 40 of 100 pixels on the short side become 80 of 200, around the middle, in both directions.
    assert abs(min(x for x, _ in red) - 60) <= 2
    assert abs(max(x for x, _ in red) - 139) <= 2
    assert abs(min(y for _, y in red) - 60) <= 2
    assert abs(max(y for _, y in red) - 139) <= 2


def test_a_photo_of_the_right_size_is_left_as_it_is():
    image = Image.effect_noise((96, 64), 90).convert("RGB")
    assert fill(image, Canvas(96, 64)).tobytes() == image.tobytes()


@pytest.mark.parametrize("size", [(33, 47), (451, 300), (1000, 333), (3001, 1000)])
def test_awkward_sizes_never_reach_outside_the_photo(size):
    assert fill(Image.new("RGB", size), Canvas(1248, 704)).size == (1248, 704)
