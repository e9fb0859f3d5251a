"""A photo as it goes to Runway: checked, upright, without metadata, and otherwise as it came.

The pixels are encoded anew only where there is no other way: a photo that lies on its side (Runway
may not look at EXIF), a format or a colour mode that Runway does not take, transparency.
CPU only, any thread.
"""

import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from inference.errors import PhotoUnreadable
from inference.photo import read_photo
from inference.runway.metadata import STRIPPERS

ENOUGH = 1920
"""The longest side of any video, in pixels: a JPEG is decoded no larger than needed for that."""

_LONGEST_ENCODED = 4096
_QUALITY = 95
_EXIF_ORIENTATION = 0x0112
_KEPT_MODES = {"RGB", "L", "P"}
_MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_SENT_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Picture:
    """A picture file in memory. `width` and `height` give its shape, upright."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


def picture_of(photo: Path) -> Picture:
    """The photo at `photo`, fit to be sent. Raises `PhotoUnreadable`."""
    # Decoded in any case: a file that breaks off must be refused before it is paid for.
    pixels = read_photo(photo, enough=ENOUGH)
    media_type, data = _as_it_came(photo) or ("image/jpeg", _encoded(pixels))
    return Picture(data, media_type, pixels.width, pixels.height)


def _as_it_came(photo: Path) -> tuple[str, bytes] | None:
    data = photo.read_bytes()
    try:
        with Image.open(io.BytesIO(data), formats=_SENT_FORMATS) as image:
            media_type = _MEDIA_TYPES.get(image.format or "")
            upright = image.getexif().get(_EXIF_ORIENTATION, 1) in (0, 1)
            plain = image.mode in _KEPT_MODES and not image.has_transparency_data
    except Exception:  # noqa: BLE001 -- damaged metadata may raise anything; the pixels are fine
        return None
    if media_type is None or not (upright and plain):
        return None
    stripped = STRIPPERS[media_type](data)
    return (media_type, stripped) if stripped and _still_opens(stripped) else None


def _still_opens(data: bytes) -> bool:
    """Whether the decoder takes what is left of the file."""
    try:
        with Image.open(io.BytesIO(data), formats=_SENT_FORMATS) as image:
            image.draft(None, (1, 1))
            image.load()
    except Exception:  # noqa: BLE001 -- the pixels are there to be encoded anew
        return False
    return True


def _encoded(pixels: Image.Image) -> bytes:
    if max(pixels.size) > _LONGEST_ENCODED:
        pixels.thumbnail((_LONGEST_ENCODED, _LONGEST_ENCODED), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    try:
        pixels.save(target, "JPEG", quality=_QUALITY, subsampling=0)
    except OSError as error:
        raise PhotoUnreadable(f"the photo could not be read: {error}") from error
    return target.getvalue()
