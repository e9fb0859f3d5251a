"""Writing an MP4 that plays everywhere: H.264, 4:2:0, BT.709, its index at the front.

CPU only, any thread. The file appears under its name only once it was read back and found good.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from inference.backend import CancelToken, Progress, Video
from inference.video import check, read_back

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames to be written: uint8, shaped (frames, height, width, 3), RGB, `fps` to the second.

    Both sides are even, as 4:2:0 needs.
    """

    frames: "NDArray[np.uint8]"
    fps: int


@dataclass(frozen=True)
class Style:
    """How H.264 spends its bits: `crf` 0 to 51, less is better; `preset` as x264 names them."""

    crf: int
    preset: str


def write_mp4(
    clip: Clip, target: Path, style: Style, progress: Progress, cancel: CancelToken
) -> Video:
    """Write `clip` to `target`, read it back, check it, and say what the file holds.

    Progress is counted in frames, once written and once read. Raises `BadOutput` for a file that
    is not what was asked for, `Cancelled`, and OSError when the disk is at fault; in each case
    nothing is left behind.
    """
    count, height, width = clip.frames.shape[:3]
    seen = 0

    def one_more() -> None:
        nonlocal seen
        cancel.check()
        seen += 1
        progress(seen, 2 * count)

    partial = target.with_name(target.name + ".part")
    try:
        with _h264(partial, clip, style) as (container, stream):
            for frame in _frames(clip):
                container.mux(stream.encode(frame))
                one_more()
            container.mux(stream.encode(None))
        video = read_back(partial, one_more)
        check(video, frames=count, width=width, height=height, fps=clip.fps)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return replace(video, path=target)


@contextmanager
def _h264(
    path: Path, clip: Clip, style: Style
) -> Iterator[tuple[av.container.OutputContainer, VideoStream]]:
    # The index goes in front of the pictures, so that a browser plays while it downloads.
    with av.open(
        str(path), "w", format="mp4", container_options={"movflags": "+faststart"}
    ) as container:
        stream = container.add_stream(
            "libx264",
            rate=Fraction(clip.fps),
            options={"crf": str(style.crf), "preset": style.preset},
        )
        stream.height, stream.width = clip.frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_type = "AUTO"
        # Untagged, players take small videos for BT.601 and show other colours.
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.color_range = ColorRange.MPEG
        yield container, stream


def _frames(clip: Clip) -> Iterator[av.VideoFrame]:
    for pixels in clip.frames:
        yield av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=(
                Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
            ),
        )
