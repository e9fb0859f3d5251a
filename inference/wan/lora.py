"""LoRA files: found, read from their headers, and checked against the model they are for.

Two ways of naming the layers are in use, the original release's and diffusers'; both are read. A
file that changes anything but linear layers, or layers of other sizes, is refused before the model
is loaded: merged in part it would give pictures that are neither the one thing nor the other.
Light: any process may check.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.errors import BackendUnusable
from inference.wan.checkpoint import HUB_ID, Checkpoint, Part, read_header, weight_files

_ON_THE_HUB = re.compile(
    rf"(?P<repo>{HUB_ID.pattern})(@(?P<revision>[^/@]+))?/(?P<file>.+\.safetensors)"
)
_PREFIX = re.compile(r"^(diffusion_model|transformer|transformer_2|model)\.")
_NORM = re.compile(r"norm.*\.diff(_b)?$")
"""Some published files carry such changes, all of them zero; diffusers leaves them out as well."""
_KINDS = {
    "lora_down.weight": "down",
    "lora_A.weight": "down",
    "lora_A.default.weight": "down",
    "lora_up.weight": "up",
    "lora_B.weight": "up",
    "lora_B.default.weight": "up",
    "alpha": "alpha",
    "diff_b": "bias",
}
_RENAMED = (
    (r"\.self_attn\.", ".attn1."),
    (r"\.cross_attn\.", ".attn2."),
    (r"\.(q|k|v)$", r".to_\1"),
    (r"\.o$", ".to_out.0"),
    (r"\.(k|v)_img$", r".add_\1_proj"),
    (r"\.ffn\.0$", ".ffn.net.0.proj"),
    (r"\.ffn\.2$", ".ffn.net.2"),
    (r"^time_embedding\.0$", "condition_embedder.time_embedder.linear_1"),
    (r"^time_embedding\.2$", "condition_embedder.time_embedder.linear_2"),
    (r"^time_projection\.1$", "condition_embedder.time_proj"),
    (r"^text_embedding\.0$", "condition_embedder.text_embedder.linear_1"),
    (r"^text_embedding\.2$", "condition_embedder.text_embedder.linear_2"),
    (r"^head\.head$", "proj_out"),
)


@dataclass(frozen=True)
class HubFile:
    """A file in a repository on the hub, at a branch, tag or commit (None: its main branch)."""

    repo: str
    file: str
    revision: str | None


@dataclass(frozen=True)
class Change:
    """What a file holds for one layer: the names of its tensors there. `alpha` scales the pair."""

    down: str | None = None
    up: str | None = None
    alpha: str | None = None
    bias: str | None = None


def on_the_hub(lora: str) -> HubFile | None:
    """The hub's file that `lora` names; None for a path."""
    found = None if Path(lora).expanduser().is_file() else _ON_THE_HUB.fullmatch(lora)
    return HubFile(found["repo"], found["file"], found["revision"]) if found else None


def find_lora(lora: str) -> Path:
    """The file that `lora` names, on disk or in the hub's cache. Raises `BackendUnusable`."""
    named = on_the_hub(lora)
    if named is None:
        file = Path(lora).expanduser()
        if not file.is_file():
            raise BackendUnusable(f"there is no LoRA file {lora}: correct the setting 'lora'")
        return file
    # Slow to import, and not needed for a path.
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(named.repo, named.file, revision=named.revision)
    if not isinstance(cached, str):
        raise BackendUnusable(f"the LoRA {lora} is not in the local cache: download it first")
    return Path(cached)


def changes_in(tensors: Mapping[str, object], file: Path) -> dict[str, Change]:
    """What each layer, by diffusers' name, is changed by. Raises `BackendUnusable`."""
    found: dict[str, dict[str, str]] = {}
    for name in tensors:
        if _NORM.search(name):
            continue
        layer, kind = _layer_and_kind(name)
        if kind is None:
            raise BackendUnusable(f"the LoRA {file} holds {name}, which is no low-rank change")
        found.setdefault(layer, {})[kind] = name
    changes = {layer: Change(**kinds) for layer, kinds in found.items()}
    for layer, change in changes.items():
        if (change.down is None) != (change.up is None):
            raise BackendUnusable(f"the LoRA {file} is incomplete: half of {layer} is missing")
    return changes


def check_lora(file: Path, checkpoint: Checkpoint, component: str) -> None:
    """Raise `BackendUnusable` unless every change in `file` fits a layer of the component."""
    header = read_header(file)
    layers = _shapes(checkpoint.folder / component)
    for layer, change in changes_in(header, file).items():
        weight = layers.get(f"{layer}.weight")
        if weight is None:
            raise BackendUnusable(f"the LoRA {file} does not fit: {component} has no layer {layer}")
        for problem in _misfits(change, header, weight.shape):
            raise BackendUnusable(f"the LoRA {file} does not fit {component}: {layer} {problem}")


def _misfits(change: Change, header: Mapping[str, Part], shape: tuple[int, ...]) -> Iterator[str]:
    if change.down is not None and change.up is not None:
        down, up = header[change.down].shape, header[change.up].shape
        made = (*up[:1], *down[1:])
        if made != shape or up[1:] != down[:1]:
            yield f"is {_by(shape)}, not {_by(made)}"
    if change.bias is not None and header[change.bias].shape != shape[:1]:
        yield f"has {shape[0]} outputs, not {_by(header[change.bias].shape)}"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _shapes(component: Path) -> dict[str, Part]:
    headers = (read_header(file) for file in weight_files(component))
    return {name: part for header in headers for name, part in header.items()}


def _layer_and_kind(name: str) -> tuple[str, str | None]:
    """A tensor's name as the layer that it belongs to and what it is to it."""
    bare = _PREFIX.sub("", name)
    for ending, kind in _KINDS.items():
        if bare.endswith(f".{ending}"):
            return _diffusers_name(bare.removesuffix(f".{ending}")), kind
    return bare, None


def _diffusers_name(layer: str) -> str:
    for pattern, replacement in _RENAMED:
        layer = re.sub(pattern, replacement, layer)
    return layer
