"""Runway's models as data, and what is chosen from them for one task. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

DEFAULT_FRAMES = 121
FRAMES_PER_S = 24
SHORTEST_S = 2.0
LONGEST_S = 10.0

USD_PER_CREDIT = 0.01
"""What Runway sells a credit for."""

PREFIX = "runway_"
"""Servers in the field put it before any of the names."""

WAN_PROVIDER = "wan_local"
"""The provider that names no Runway model at all: such a task is for a GPU worker."""

_WIDE = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672")
_VEO = ("1280:720", "720:1280", "1080:1920", "1920:1080")


@dataclass(frozen=True)
class Model:
    """One model. `provider` is the server's name for it, `sent` what Runway calls it.

    `lengths_s`: the lengths that it makes, in seconds. `ratios`: the sizes, as width:height in
    pixels. `credits_per_s`: what a second of video costs at most, sound included; it only serves
    estimates, and Runway's own word on a task's price takes its place as soon as there is one.
    """

    provider: str
    sent: str
    lengths_s: tuple[int, ...]
    ratios: tuple[str, ...]
    credits_per_s: float

    def price_usd(self, length_s: int) -> float:
        """The estimated price of one video, in US dollars."""
        return self.credits_per_s * length_s * USD_PER_CREDIT


_TABLE = (
    Model("gen4_turbo", "gen4_turbo", tuple(range(2, 11)), _WIDE, 5),
    # Runway knows no gen4.5_turbo; the name exists on the server's side only.
    Model("gen4.5_turbo", "gen4.5", tuple(range(2, 11)), _WIDE, 12),
    Model("gen3a_turbo", "gen3a_turbo", (5, 10), ("1280:768", "768:1280"), 5),
    Model("veo3", "veo3", (8,), _VEO, 40),
    Model("veo3.1", "veo3.1", (4, 6, 8), _VEO, 40),
    Model("veo3.1_fast", "veo3.1_fast", (4, 6, 8), _VEO, 15),
)

MODELS = MappingProxyType(
    {name: model for model in _TABLE for name in (model.provider, model.sent)}
)
"""Every name that means a model, without the prefix."""


@dataclass(frozen=True)
class Choice:
    """The model for one task. `named`: whether the task itself asked for it."""

    model: Model
    named: bool
    note: str | None = None


def model_named(name: str) -> Model | None:
    """The model that `name` means, with or without the prefix, in any case."""
    return MODELS.get(name.strip().lower().removeprefix(PREFIX))


def choice_for(provider: str | None, default: Model) -> Choice:
    """The model for a task whose server calls it `provider`; an unknown one runs the default."""
    if not provider:
        return Choice(default, named=False)
    model = model_named(provider)
    if model is None:
        note = f"the model {provider[:80]!r} is unknown; {default.provider} is used"
        return Choice(default, named=False, note=note)
    return Choice(model, named=True)


def length_for(frame_num: int | None, model: Model) -> int:
    """Seconds of video for a length counted in frames, whatever number the server gives.

    Kept within 2 and 10 s, then the nearest that the model makes; of two as near, the cheaper.
    """
    frames = DEFAULT_FRAMES if frame_num is None else frame_num
    asked_s = min(max(frames / FRAMES_PER_S, SHORTEST_S), LONGEST_S)
    return min(model.lengths_s, key=lambda length_s: (abs(length_s - asked_s), length_s))


def ratio_for(width: int, height: int, model: Model, fixed: str | None = None) -> str:
    """The model's size that is nearest in shape to a photo of `width` x `height` pixels, upright.

    `fixed` stands in for the photo's shape. Of two sizes of one shape, the smaller is taken.
    """
    if fixed in model.ratios:
        return fixed
    shape = width / height if fixed is None else _shape(fixed)
    return min(model.ratios, key=lambda ratio: abs(math.log(_shape(ratio) / shape)))


def models_table() -> str:
    """The table of docs/runway.md, as Markdown."""
    lines = [
        "| Provider in a task | Sent to Runway | Lengths (s) | Sizes | Estimated price |",
        "| --- | --- | --- | --- | --- |",
    ]
    for model in _TABLE:
        length_s = length_for(None, model)
        lines.append(
            f"| `{model.provider}` | `{model.sent}` | {_listed(model.lengths_s)} "
            f"| {' '.join(model.ratios)} | ${model.price_usd(length_s):.2f} for {length_s} s |"
        )
    return "\n".join(lines) + "\n"


def _listed(lengths_s: tuple[int, ...]) -> str:
    if len(lengths_s) > 3:
        return f"{lengths_s[0]} to {lengths_s[-1]}"
    return _joined(str(length_s) for length_s in lengths_s)


def _joined(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _shape(ratio: str) -> float:
    width, height = ratio.split(":")
    return int(width) / int(height)
