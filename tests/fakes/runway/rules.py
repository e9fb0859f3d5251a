"""What the fake Runway accepts. Written from the SDK's types, independently of our own tables."""

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

WIDE = {"1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672"}
VEO = {"1280:720", "720:1280", "1080:1920", "1920:1080"}
MODELS: dict[str, tuple[Collection[int], Collection[str], int]] = {
    "gen4_turbo": (range(2, 11), WIDE, 5),
    "gen4.5": (range(2, 11), WIDE, 12),
    "veo3.1": ((4, 6, 8), VEO, 40),
    "veo3.1_fast": ((4, 6, 8), VEO, 15),
}
"""Model: lengths in seconds, sizes, credits a second. Two of the specs' models are gone."""

INLINE_BYTES = 3_300_000
PROMPT_UNITS = 1000
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")


def problem(body: Mapping[str, Any], uploads: Collection[str]) -> tuple[str, str] | None:
    """The field that is wrong with a create, and why; None for a good one."""
    if body.get("model") not in MODELS:
        return "model", "Invalid input"
    lengths, ratios, _ = MODELS[body["model"]]
    if type(body.get("duration")) is not int or body["duration"] not in lengths:
        return "duration", "Invalid input"
    if body.get("ratio") not in ratios:
        return "ratio", "Invalid input"
    seed = body.get("seed", 0)
    if type(seed) is not int or not 0 <= seed < 2**32:
        return "seed", "Must be from 0 to 4294967295"
    return _text_problem(body.get("promptText")) or _image_problem(body.get("promptImage"), uploads)


def credits_for(body: Mapping[str, Any]) -> int:
    """The price of a good create."""
    return MODELS[body["model"]][2] * body["duration"]


def _text_problem(text: Any) -> tuple[str, str] | None:
    if not isinstance(text, str) or not text:
        return "promptText", "Required"
    if len(text.encode("utf-16-le")) // 2 > PROMPT_UNITS:
        return "promptText", f"Must be at most {PROMPT_UNITS} characters"
    return None


def _image_problem(image: Any, uploads: Collection[str]) -> tuple[str, str] | None:
    if not isinstance(image, str):
        return "promptImage", "Required"
    if image.startswith("runway://"):
        return None if image in uploads else ("promptImage", "Unknown upload")
    if image.startswith("https://"):
        return None
    picture = picture_in(image)
    if not picture:
        return "promptImage", "Invalid data URI."
    return ("promptImage", "Data URI is too large") if len(picture) > INLINE_BYTES else None


def picture_in(uri: str) -> bytes | None:
    """The bytes in a data URI of a picture."""
    head, _, encoded = uri.partition(";base64,")
    if head.removeprefix("data:") not in MEDIA_TYPES:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
