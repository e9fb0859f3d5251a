"""A picture file without its metadata, its compressed pixels untouched. Pure.

Place, time and the owner's name travel in EXIF, XMP, IPTC and comments, and in whatever a phone
writes behind the picture's end (a second picture, a short film). What is kept is what a decoder
needs and the colour profile. Each function returns None for a file that it does not understand;
the caller then takes the way over the pixels.
"""

from collections.abc import Callable
from types import MappingProxyType

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_SCAN = 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_KEPT_APPS = {0xE0, 0xE2, 0xEE}  # JFIF; ICC profile (and MPF, below); Adobe's colour transform
_COMMENT = 0xFE
_APPS = range(0xE0, 0xF0)

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP"}

_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}
_WEBP_FLAGS = 0b0011_0000  # of VP8X: a colour profile, transparency; not EXIF, not XMP


def jpeg_without_metadata(data: bytes) -> bytes | None:
    """The first picture of a JPEG (or MPO) file."""
    if not data.startswith(_JPEG_START):
        return None
    kept, at = bytearray(_JPEG_START), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding before a marker
            at += 1
            continue
        if marker == _JPEG_END[1]:
            return bytes(kept + _JPEG_END)
        end = at + 2
        if marker not in _WITHOUT_LENGTH:
            end += int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            end = _end_of_scan(data, end)
        if _kept_segment(marker, data[at + 4 : at + 8]):
            kept += data[at:end]
        at = end
    return bytes(kept + _JPEG_END) if data[at : at + 2] == _JPEG_END else None


def _kept_segment(marker: int, name: bytes) -> bool:
    if marker in _APPS:
        return marker in _KEPT_APPS and name != b"MPF\0"
    return marker != _COMMENT


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the compressed data that begins at `at` ends: at the next real marker."""
    while True:
        at = data.find(0xFF, at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        follower = data[at + 1]
        if follower != 0 and follower not in _WITHOUT_LENGTH:
            return at
        at += 2


def png_without_metadata(data: bytes) -> bytes | None:
    """A PNG file of one picture; None for an animated one."""
    if not data.startswith(_PNG_START):
        return None
    kept, at = bytearray(_PNG_START), len(_PNG_START)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if name == b"acTL":
            return None
        if name in _PNG_KEPT:
            kept += data[at:end]
        if name == b"IEND":
            return bytes(kept)
        at = end
    return None


def webp_without_metadata(data: bytes) -> bytes | None:
    """A WebP file of one picture; None for an animated one."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kept, at = bytearray(), 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        name, chunk = data[at : at + 4], bytearray(data[at:end])
        if name in {b"ANIM", b"ANMF"}:
            return None
        if name == b"VP8X" and length:
            chunk[8] &= _WEBP_FLAGS
        if name in _WEBP_KEPT:
            kept += chunk
        at = end
    return b"RIFF" + (len(kept) + 4).to_bytes(4, "little") + b"WEBP" + bytes(kept)


STRIPPERS = MappingProxyType[str, Callable[[bytes], bytes | None]](
    {
        "image/jpeg": jpeg_without_metadata,
        "image/png": png_without_metadata,
        "image/webp": webp_without_metadata,
    }
)
"""What Runway takes as a picture, by media type."""
