"""The request that these tests make a video of."""

from pathlib import Path

from inference.backend import Request

PHOTOS = Path(__file__).parents[2] / "photos"
PHOTO = PHOTOS / "coffee.jpg"
REQUEST = Request("item-1", PHOTO, "the steam rises", 121, "gen4_turbo", seed=7, lease_id="w#1")


def silent(done, total):
    """A progress that nobody looks at."""
