"""How many frames a video gets. Pure.

WAN's VAE makes one frame, then four for every further chunk, so a length is always 4k + 1. The
pipeline would change any other number without a word; here it is rounded with a note.
"""

from dataclasses import dataclass
from typing import Literal

from inference.errors import RequestRefused

FramePolicy = Literal["exact", "duration"]
"""What a task's `frame_num` means for a model that is not native at 24 frames a second: `exact`
makes that many frames; `duration` makes as many as the same time takes at the model's own rate. A
task that names no number gets the preset's length, which no policy changes."""

REQUEST_FPS = 24
"""The rate at which `frame_num` is counted by those who send it."""
SHORTEST, LONGEST = 5, 241
"""Frames. Ten seconds at 24 a second is the longest that the task's side offers."""
_CHUNK = 4


@dataclass(frozen=True)
class Length:
    """The number of frames to make, and what to tell about it if it is not what was asked for."""

    frames: int
    note: str | None = None


def length_for(asked: int | None, *, default: int, policy: FramePolicy, fps: int) -> Length:
    """The length for a task that asks for `asked` frames.

    None means `default`, which counts frames of the finished video under either policy: whoever
    writes it knows the model's rate, as those who send a number do not. Raises `RequestRefused`
    for a number outside 5 to 241.
    """
    if asked is None:
        return Length(default)
    if not SHORTEST <= asked <= LONGEST:
        raise RequestRefused(
            f"impossible length: {asked} frames; {SHORTEST} to {LONGEST} can be made"
        )
    if policy == "duration" and fps != REQUEST_FPS:
        frames = _nearest((asked - 1) * fps / REQUEST_FPS)
        return Length(frames, f"{asked} frames at {REQUEST_FPS} fps became {frames} at {fps} fps")
    frames = nearest_length(asked)
    if frames == asked:
        return Length(frames)
    return Length(frames, f"{asked} frames became {frames}: the model makes 4k + 1")


def nearest_length(frames: int) -> int:
    """The 4k + 1 nearest to `frames`."""
    return _nearest(frames - 1)


def _nearest(steps: float) -> int:
    """The 4k + 1 nearest to `steps` frames after the first one, never a still."""
    chunks = max(1, int(steps / _CHUNK + 0.5))
    return chunks * _CHUNK + 1
