"""Reading a stranger's photo: what is accepted, which way is up, and every colour mode to RGB.

The file is untrusted. Its size is capped before it is read, its format comes from a list of those
we accept, and its declared pixels are counted before anything is decoded. Nothing of its metadata
(EXIF, GPS, colour profile) leaves this module: what comes out is pixels. CPU only, any thread.
"""

import io
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageCms, UnidentifiedImageError

from inference.canvas import Canvas
from inference.errors import PhotoUnreadable

FILE_LIMIT_BYTES = 100 * 1024 * 1024
PIXEL_LIMIT = 200_000_000
"""The largest phone cameras take 200 megapixels."""
SMALLEST_SIDE = 32

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""JPEG covers MPO, the several pictures in one file that some phones and 3D cameras write."""

# Pillow loads half of its formats on first need, and an allow-list that names one of the other half
# before that is a KeyError.
Image.init()

# Pillow's own limit warns at 89 megapixels, through the process-wide warnings machinery; ours is
# checked in its place, at the same moment: after the header, before any pixel.
Image.MAX_IMAGE_PIXELS = None

_UPRIGHT = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_EXIF_ORIENTATION = 0x0112

_FOREIGN = (
    (b"%pdf", "it is a PDF document"),
    (b"<!doctype html", "it is a web page"),
    (b"<html", "it is a web page"),
    (b"{", "it is a JSON document"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


def read_photo(path: Path, enough: int | None = None) -> Image.Image:
    """The photo at `path`: its first frame, upright, RGB, transparency on white.

    `enough`: a side, in pixels, that is as large as the caller can use. A JPEG more than twice
    that on both sides is decoded at a fraction of its size, which saves most of the memory.
    Raises `PhotoUnreadable` with a reason for the photo's owner, and OSError when the disk is at
    fault, not the photo.
    """
    data = _read_capped(path)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(*image.size)
            if enough is not None:
                # On anything but a JPEG this does nothing.
                image.draft(None, (2 * enough, 2 * enough))
            image.load()
            rgb = _to_rgb(_upright(image))
    except UnidentifiedImageError as error:
        raise _unreadable(_what_it_is(data)) from error
    except (PhotoUnreadable, MemoryError):
        raise
    except Exception as error:
        # Pillow's decoders raise nearly anything on damaged bytes; the bytes are all it was given.
        raise _unreadable(f"it is damaged ({error or type(error).__name__})") from error
    # Every conversion above carries the metadata along.
    rgb.info = {}
    return rgb


def fill(image: Image.Image, canvas: Canvas) -> Image.Image:
    """The middle of `image`, scaled to cover the whole canvas without changing its shape."""
    scale = max(canvas.width / image.width, canvas.height / image.height)
    width, height = canvas.width / scale, canvas.height / scale
    left, top = (image.width - width) / 2, (image.height - height) / 2
    # min(): rounding may put the far edge a hair outside, which Pillow refuses.
    right, bottom = min(left + width, image.width), min(top + height, image.height)
    return image.resize(
        (canvas.width, canvas.height),
        Image.Resampling.LANCZOS,
        box=(max(left, 0.0), max(top, 0.0), right, bottom),
    )


def _read_capped(path: Path) -> bytes:
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise _unreadable("the file is empty")
    if size_bytes > FILE_LIMIT_BYTES:
        raise _unreadable(
            f"the file has {size_bytes / 1e6:.0f} MB, more than {FILE_LIMIT_BYTES / 1e6:.0f} MB"
        )
    return path.read_bytes()


def _check_size(width: int, height: int) -> None:
    if width * height > PIXEL_LIMIT:
        raise _unreadable(
            f"it has {width} x {height} pixels, more than {PIXEL_LIMIT // 1_000_000} million"
        )
    if min(width, height) < SMALLEST_SIDE:
        raise _unreadable(
            f"it has only {width} x {height} pixels; each side needs at least {SMALLEST_SIDE}"
        )


def _what_it_is(data: bytes) -> str:
    """Words for bytes that are no picture we accept."""
    brands = _iso_brands(data)
    if brands & _AVIF_BRANDS:
        return f"it is an AVIF picture; {_accepted()}"
    if brands & _HEIF_BRANDS:
        return f"it is a HEIC picture, as iPhones take them; {_accepted()}"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, words in _FOREIGN:
        if head.startswith(mark):
            return f"{words}; {_accepted()}"
    # An SVG may begin with an XML declaration, a comment and a doctype.
    if b"<svg" in head:
        return f"it is an SVG drawing; {_accepted()}"
    return f"it is not a picture that we know; {_accepted()}"


def _iso_brands(data: bytes) -> frozenset[bytes]:
    """The brands in the first box of an ISO media file (HEIC, AVIF), empty for anything else."""
    if data[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(data[:4], "big"), 256)
    return frozenset(_chunks(data[8:12] + data[16:end]))


def _chunks(data: bytes) -> Iterable[bytes]:
    return (data[start : start + 4] for start in range(0, len(data), 4))


def _accepted() -> str:
    return "send a JPEG, PNG, WebP, GIF, BMP or TIFF"


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 -- damaged EXIF says nothing about the pixels, which are fine
        return image
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return _to_srgb(image)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey by its upper byte; integers and floats of unknown range by their own range."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
    scale = 255 / ((high - low) or 1)
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")


def _to_srgb(image: Image.Image) -> Image.Image:
    """RGB in the colours that screens expect, where the photo says which colours it means."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in {"RGB", "CMYK", "L"}:
        try:
            converted = ImageCms.profileToProfile(
                image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, TypeError):
            # A damaged or foreign profile: the plain conversion below is what browsers show then.
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _unreadable(reason: str) -> PhotoUnreadable:
    return PhotoUnreadable(f"the photo could not be read: {reason}")
