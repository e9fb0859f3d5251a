"""Where a model's parts lie, so that a card of a given size can make the video. Pure.

Theory of operation. A video is made in stages, and each stage needs some weights and some room to
work in: the text is encoded (once for every new prompt), the photo is encoded, the frames are
denoised, the frames are decoded. The ladder lists the ways of placing the weights, the fastest
first; on each rung fewer of them lie on the card at the same time, and more of them travel over the
bus. The plan is the first rung whose largest stage fits. Decoding in tiles comes only after moving
whole models about, because tiles change the picture (slightly, at their seams) and moving does not.

The estimates are the weights' own sizes, the bytes counted on the published architectures
(`inference.wan.family`), and the margins below. Where an estimate is too low, the card says so
by running out of memory, and the next rung is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from inference.errors import BackendUnusable, DeviceUnfit
from inference.wan.checkpoint import Sizes
from inference.wan.family import Family

Offload = Literal["none", "text_encoder", "model", "group"]
"""What leaves the card when it is not at work: nothing; the text encoder; every model; every block
of the transformers."""

WEIGHT_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4, "float8": 1}

_DENOISE_MARGIN = 1.15
"""The caching allocator's splinters."""
_VAE_MARGIN = 1.25
"""cuDNN's scratch space: what is reported of the 5B's decoding is up to 26 GB; counted are 20.7."""
_TEXT_WORK_BYTES = 600_000_000
_TILE = 256 * 256
"""Pixels that the VAE decodes at a time in tiles."""
_KEPT_FRAMES = 3
"""How often the finished frames lie in memory while tiles are blended and joined, as float32."""
_CONTEXT_BYTES = 700_000_000
"""The driver's own share, and a process's context with its kernels."""
_RESERVE_BYTES = 500_000_000
_RESERVE_SHARE = 0.03
"""What stays free: other users of the card (a desktop, a monitor), and fragments."""


@dataclass(frozen=True)
class Work:
    """What one video asks of the card. `area` in pixels; `frames` of the usual video."""

    area: int
    frames: int
    dtype: str
    decode_dtype: str
    fp8: bool


@dataclass(frozen=True)
class Plan:
    """One way of placing a model. `peak_bytes` is an estimate, weights included.

    `on_card`: the components that never leave the card. `dtype`: the transformers' weights.
    """

    offload: Offload
    vae_tiling: bool
    dtype: str
    on_card: tuple[str, ...]
    peak_bytes: int

    def __str__(self) -> str:
        away = {
            "none": "everything stays on the card",
            "text_encoder": "the text encoder leaves after encoding",
            "model": "each model is on the card only while it works",
            "group": "the transformers' blocks travel one by one",
        }[self.offload]
        tiles = ", VAE in tiles" if self.vae_tiling else ""
        return f"{away}, {self.dtype}{tiles}, about {self.peak_bytes / 1e9:.0f} GB at the peak"


_RUNGS: tuple[tuple[Offload, bool], ...] = (
    ("none", False),
    ("text_encoder", False),
    ("model", False),
    ("none", True),
    ("text_encoder", True),
    ("model", True),
    ("group", False),
    ("group", True),
)


def ladder(family: Family, sizes: Sizes, work: Work) -> tuple[Plan, ...]:
    """Every way of placing the model, the fastest first; those in tiles after those without."""
    return tuple(_rung(offload, tiling, family, sizes, work) for offload, tiling in _RUNGS)


def permitted(
    rungs: Sequence[Plan], offload: Offload | None, vae_tiling: bool | None
) -> tuple[Plan, ...]:
    """The rungs that the settings leave to choose from; None leaves a choice open."""
    return tuple(
        rung
        for rung in rungs
        if offload in (None, rung.offload) and vae_tiling in (None, rung.vae_tiling)
    )


def plan(free_bytes: int | None, rungs: Sequence[Plan]) -> Plan:
    """The first rung that fits into `free_bytes` of the card's memory (None: no limit).

    Raises `BackendUnusable`, which says what would fit, when no rung does.
    """
    if free_bytes is None:
        return rungs[0]
    room = free_bytes - max(_RESERVE_BYTES, int(free_bytes * _RESERVE_SHARE))
    fitting = [rung for rung in rungs if rung.peak_bytes <= room]
    if not fitting:
        raise BackendUnusable(_what_would_fit(free_bytes, rungs))
    return fitting[0]


def plan_on(memory: tuple[int, int] | None, rungs: Sequence[Plan]) -> Plan:
    """The first rung that fits into what is free of a card: its `memory` is (free, in all), bytes.

    Raises `DeviceUnfit` where a rung would fit if the card were empty, which it may be before long,
    and `BackendUnusable` where none would.
    """
    if memory is None:
        return plan(None, rungs)
    free_bytes, card_bytes = memory
    try:
        return plan(free_bytes, rungs)
    except BackendUnusable:
        empty = plan(free_on(card_bytes), rungs)
    raise DeviceUnfit(
        f"only {free_bytes / 1e9:.1f} GB of the card's {card_bytes / 1e9:.1f} GB are free, and the "
        f"model needs {_needed_bytes(rungs) / 1e9:.1f} GB at the least; empty, the card would do "
        f"({empty}): nvidia-smi names the processes that hold the rest"
    )


def free_on(card_bytes: int) -> int:
    """What of an otherwise unused card's memory a process finds free."""
    return card_bytes - _CONTEXT_BYTES


def placement(card_bytes: int | None, rungs: Sequence[Plan]) -> str:
    """Where the model will lie on a card of that size, or without a card (None), in words.

    Raises `BackendUnusable` as `plan` does.
    """
    if card_bytes is not None:
        return str(plan(free_on(card_bytes), rungs))
    whole = plan(None, rungs)
    peak = f"about {whole.peak_bytes / 1e9:.0f} GB at the peak"
    return f"everything lies in the host's memory, {whole.dtype}, {peak}"


def next_smaller(current: Plan, rungs: Sequence[Plan]) -> Plan | None:
    """The next rung after `current` that needs less memory; None at the ladder's end."""
    below = rungs[rungs.index(current) + 1 :]
    return next((rung for rung in below if rung.peak_bytes < current.peak_bytes), None)


def _what_would_fit(free_bytes: int, rungs: Sequence[Plan]) -> str:
    needed_bytes = _needed_bytes(rungs)
    cures = [f"a card with {needed_bytes / 1e9:.0f} GB free", "a smaller video_size"]
    if rungs[0].dtype != "float8":
        cures.append("fp8: true")
    if len(rungs) < len(_RUNGS):
        cures.append("offload: auto without vae_tiling")
    return (
        f"the model does not fit: {free_bytes / 1e9:.1f} GB of the card's memory are free, and it "
        f"needs {needed_bytes / 1e9:.1f} GB at the least; what would fit: {', or '.join(cures)}"
    )


def _needed_bytes(rungs: Sequence[Plan]) -> int:
    """What has to be free for the smallest rung."""
    peak = min(rung.peak_bytes for rung in rungs)
    return peak + max(_RESERVE_BYTES, int(peak * _RESERVE_SHARE / (1 - _RESERVE_SHARE)))


def _rung(offload: Offload, tiling: bool, family: Family, sizes: Sizes, work: Work) -> Plan:
    weights = _weights(sizes, work)
    transformers = [weights[name] for name in weights if name.startswith("transformer")]
    text, image = weights["text_encoder"], weights.get("image_encoder", 0)
    vae = weights["vae"]
    everything = sum(weights.values())
    match offload:
        case "none":
            base, denoising, encoding = everything, everything, everything
        case "text_encoder":
            base = denoising = everything - text
            encoding = everything
        case "model":
            base, denoising = vae, vae + max(transformers)
            encoding = max(text, vae + image)
        case "group":
            blocks = 2 * max(transformers) // sizes.layers
            base = vae + image
            denoising, encoding = base + blocks, base + text
    peak = max(
        encoding + _TEXT_WORK_BYTES,
        denoising + _denoise_bytes(family, sizes, work),
        base + _vae_bytes(family, work, tiling=tiling),
    )
    dtype = "float8" if work.fp8 else work.dtype
    return Plan(offload, tiling, dtype, _on_card(offload, weights), peak)


def _weights(sizes: Sizes, work: Work) -> dict[str, int]:
    """Bytes of each component as it is loaded: the VAE and the image encoder in float32."""
    plain, small = WEIGHT_BYTES[work.dtype], WEIGHT_BYTES["float8"]
    each = {"text_encoder": plain, "image_encoder": 4, "vae": 4}
    transformer = small if work.fp8 else plain
    return {name: count * each.get(name, transformer) for name, count in sizes.parameters.items()}


def _denoise_bytes(family: Family, sizes: Sizes, work: Work) -> int:
    tokens = family.tokens(work.area, work.frames)
    scale = WEIGHT_BYTES[work.dtype] / WEIGHT_BYTES["bfloat16"]
    return int(tokens * sizes.width * family.token_bytes * scale * _DENOISE_MARGIN)


def _vae_bytes(family: Family, work: Work, *, tiling: bool) -> int:
    scale = WEIGHT_BYTES[work.decode_dtype] / WEIGHT_BYTES["float32"]
    each = max(family.encode_bytes, family.decode_bytes * scale) * _VAE_MARGIN
    frames_bytes = work.frames * work.area * 3 * 4
    if tiling:
        return int(min(_TILE, work.area) * each) + _KEPT_FRAMES * frames_bytes
    return int(work.area * each) + frames_bytes


def _on_card(offload: Offload, weights: dict[str, int]) -> tuple[str, ...]:
    leaving = {
        "none": (),
        "text_encoder": ("text_encoder",),
        "model": tuple(weights),
        "group": ("text_encoder", "transformer", "transformer_2"),
    }[offload]
    return tuple(name for name in weights if name not in leaving)
