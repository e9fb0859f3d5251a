"""The one video that every task of a storm gets."""

from pathlib import Path

import numpy as np

from inference.backend import CancelToken
from inference.mp4 import Clip, Style, write_mp4


def write_video(path: Path) -> Path:
    """A small MP4 that plays."""
    frames = np.random.default_rng(0).integers(0, 255, (9, 32, 48, 3), dtype=np.uint8)
    style = Style(30, "ultrafast")
    write_mp4(Clip(frames, 24), path, style, lambda _done, _total: None, CancelToken())
    return path
