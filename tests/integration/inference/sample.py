"""The request that these tests make a video of, and how."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from inference.backend import CancelToken, Request
from inference.wan.backend import WanBackend

PHOTOS = Path(__file__).parents[2] / "photos"
FAMILIES = ("wan22-ti2v-5b", "wan22-i2v-a14b", "wan21-i2v")
OPTIONS = {"device": "cpu", "dtype": "float32", "video_size": "96*64", "steps": 2}
REQUEST = Request("item", PHOTOS / "coffee.jpg", "행복한 가족 사진", 9, None, seed=5)


def silent(done: int, total: int) -> None:
    """A progress that nobody looks at."""


def make(backend: WanBackend, progress=silent, cancel=None, **request) -> np.ndarray:
    """The frames of REQUEST, or of one that differs from it in `request`."""
    prepared = backend.prepare(replace(REQUEST, **request))
    return backend.infer(prepared, progress, cancel or CancelToken()).frames
