"""Judging a finished video: by reading every frame of the file itself.

Used on what we encoded and on what others made. Needs no numpy. CPU only, any thread.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import av
from PIL import Image

from inference.backend import Video
from inference.errors import BadOutput

FLAT_SPREAD = 4
"""A frame whose values differ by no more than this (of 255) shows one colour and nothing else."""
_DARK = 24
"""Below this (of 255) a flat frame is called black; limited range begins at 16."""
_FPS_TOLERANCE = 0.01


def read_back(path: Path, on_frame: Callable[[], None] = lambda: None) -> Video:
    """Decode the whole of `path` and say what it holds; `on_frame` is called after every frame.

    Raises `BadOutput` when it does not open, does not decode to the end, holds no picture, or
    shows nothing (black or a single colour). OSErrors of the file system pass unchanged.
    """
    size_bytes = path.stat().st_size
    spreads: list[int] = []
    brightest = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadOutput("the file holds no video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                low, high = _luma_range(frame)
                spreads.append(high - low)
                brightest = max(brightest, high)
                on_frame()
            promised, rate = stream.frames, stream.average_rate
            width, height = stream.width, stream.height
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise BadOutput(f"the file does not play: {error.strerror}") from error
    if not spreads or not rate:
        raise BadOutput("the file holds no frames")
    if promised and promised != len(spreads):
        raise BadOutput(f"the file holds {len(spreads)} frames of {promised}: it was cut short")
    refuse_blank(spreads, brightest)
    fps, frames = float(rate), len(spreads)
    return Video(path, frames, width, height, fps, frames / fps, size_bytes)


def check(video: Video, *, frames: int, width: int, height: int, fps: float) -> None:
    """Raise `BadOutput` when a video is not what was asked for."""
    found = f"{video.frames} frames of {video.width} x {video.height} at {video.fps:g} fps"
    asked = f"{frames} frames of {width} x {height} at {fps:g} fps"
    same = (video.frames, video.width, video.height) == (frames, width, height)
    if not same or abs(video.fps - fps) > _FPS_TOLERANCE:
        raise BadOutput(f"the file holds {found}, not {asked}")


def refuse_blank(spreads: Sequence[int], brightest: int) -> None:
    """Raise `BadOutput` when most frames show one colour and nothing else.

    `spreads`: for each frame the distance, of 255, between its lowest and its highest value;
    `brightest`: the highest value of all frames. A video may begin or end in black.
    """
    flat = sum(spread <= FLAT_SPREAD for spread in spreads)
    if 2 * flat > len(spreads):
        colour = "black" if brightest <= _DARK else "a single colour"
        raise BadOutput(f"{flat} of {len(spreads)} frames are {colour}")


def _luma_range(frame: av.VideoFrame) -> tuple[int, int]:
    """The lowest and highest brightness in a frame, without its rows' padding."""
    grey = frame if frame.format.name == "yuv420p" else frame.reformat(format="gray")
    plane = grey.planes[0]
    size = plane.width, plane.height
    luma = Image.frombytes("L", size, bytes(plane), "raw", "L", plane.line_size, 1)
    low, high = luma.getextrema()
    return int(low), int(high)  # type: ignore[arg-type]
