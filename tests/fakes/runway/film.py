"""The video that the fake Runway gives out: the photo itself, slowly coming nearer."""

import io
from functools import cache

import av
from PIL import Image

_FPS = 24


@cache
def film(photo: bytes | None, width: int, height: int, seconds: float) -> bytes:
    """An MP4; without a photo, of a plain gradient."""
    source = _gradient() if photo is None else Image.open(io.BytesIO(photo)).convert("RGB")
    source.thumbnail((2 * width, 2 * height))  # a phone's photo would take a minute
    target, frames = io.BytesIO(), max(2, round(seconds * _FPS))
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            picture = source.resize(
                (width, height), Image.Resampling.BILINEAR, _nearer(source, number / frames)
            )
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))
    return target.getvalue()


def _gradient() -> Image.Image:
    return Image.linear_gradient("L").convert("RGB")


def _nearer(source: Image.Image, share: float) -> tuple[float, float, float, float]:
    """What is seen of the photo after this share of the film: left, top, right and bottom."""
    cut_x, cut_y = source.width * 0.1 * share, source.height * 0.1 * share
    return cut_x, cut_y, source.width - cut_x, source.height - cut_y
