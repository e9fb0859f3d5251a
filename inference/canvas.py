"""The size of a video, chosen from the shape of its photo. Pure arithmetic."""

import math
from dataclasses import dataclass
from itertools import product

WIDEST = 3.0
"""Beyond 3:1 the models were never trained; a longer panorama is cropped to its middle."""


@dataclass(frozen=True)
class Canvas:
    """The size of every frame, in pixels."""

    width: int
    height: int


def canvas_for(width: int, height: int, *, area: int, multiple: int) -> Canvas:
    """The size nearest in shape to a photo of `width` x `height` that holds at most `area` pixels.

    Both sides are multiples of `multiple`. A shape beyond 3:1 or 1:3 is treated as that limit.
    `area` must hold at least one square of `multiple`.
    """
    shape = min(max(width / height, 1 / WIDEST), WIDEST)
    widths = _neighbours(math.sqrt(area * shape), multiple)
    heights = _neighbours(math.sqrt(area / shape), multiple)
    fitting = [Canvas(w, h) for w, h in product(widths, heights) if w * h <= area]
    candidates = fitting or [_smallest(area, shape, multiple)]
    return min(candidates, key=lambda c: (_distance(c, shape), -c.width * c.height))


def is_cropped_hard(width: int, height: int) -> bool:
    """Whether a photo is longer than any video's shape, so that its ends will be missing."""
    return not 1 / WIDEST <= width / height <= WIDEST


def _neighbours(side: float, multiple: int) -> tuple[int, int]:
    below = max(int(side // multiple), 1) * multiple
    return below, below + multiple


def _smallest(area: int, shape: float, multiple: int) -> Canvas:
    """For areas so small that a side is one multiple: the other side takes what is left."""
    room = max(area // (multiple * multiple), 1) * multiple
    return Canvas(room, multiple) if shape >= 1 else Canvas(multiple, room)


def _distance(canvas: Canvas, shape: float) -> float:
    """How much is cropped: the same for twice as wide and twice as high."""
    return abs(math.log(canvas.width / canvas.height / shape))
