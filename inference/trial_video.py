"""A second of video from nothing, to prove that this machine can write one that plays."""

from pathlib import Path

import numpy as np

from inference.backend import CancelToken, Video
from inference.mp4 import Clip, Style, write_mp4

_FRAMES, _HEIGHT, _WIDTH, _FPS = 24, 64, 96, 24


def write_trial_video(target: Path) -> Video:
    """Write a moving gradient to `target`, read it back and check it.

    CPU only. Raises `BadOutput` for a file that does not play, OSError when the disk is at fault.
    """
    row = np.linspace(0, 255, _WIDTH, dtype=np.uint8)
    shifted = np.stack([np.roll(row, 2 * number) for number in range(_FRAMES)])
    frames = np.broadcast_to(shifted[:, None, :, None], (_FRAMES, _HEIGHT, _WIDTH, 3))
    clip = Clip(np.ascontiguousarray(frames), _FPS)
    return write_mp4(clip, target, Style(crf=18, preset="veryfast"), _ignore, CancelToken())


def _ignore(_done: int, _total: int) -> None:
    """Progress is not shown: it takes a moment."""
