"""The three photos that ship with the project, and what is to become of them."""

from dataclasses import dataclass
from pathlib import Path

from demo.admin_api import AdminApi
from demo.services import ROOT

_PHOTOS = ROOT / "tests" / "photos"
_PROMPTS = {
    "astronaut": "She looks into the camera and smiles; slow dolly-in, soft light.",
    "coffee": "Steam rises from the cup, the light moves gently across the table.",
    "cat-rotated": "고양이가 천천히 고개를 돌려 카메라를 바라본다, 따뜻한 저녁 빛.",
}


@dataclass(frozen=True)
class Order:
    """One task: what the demonstration calls it and what the server does."""

    name: str
    item_id: str


def photos() -> list[Path]:
    """The photos, one of them stored lying on its side (EXIF)."""
    return [_PHOTOS / f"{name}.jpg" for name in _PROMPTS]


def place(api: AdminApi, provider: str | None) -> list[Order]:
    """Upload the photos and queue one task for each, for this provider (None: for GPUs)."""
    return [
        Order(photo.stem, api.add_task(api.add_photo(photo), _PROMPTS[photo.stem], provider))
        for photo in photos()
    ]
