"""A checkpoint on disk, judged before torch is asked to load it.

A load takes minutes and its errors come from five libraries; these checks take milliseconds and say
what to do. Some faults would not be errors at all: without its tokenizer the pipeline reads every
word as unknown, and makes a video of nothing in particular.
"""

import importlib.util
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import BackendUnusable, OptionsWrong
from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V, Family

_PIPELINES = frozenset({"WanPipeline", "WanImageToVideoPipeline"})
_TOKENIZERS = ("tokenizer.json", "spiece.model")
_WITH_WEIGHTS = ("text_encoder", "image_encoder", "transformer", "transformer_2", "vae")
_ALWAYS = ("text_encoder", "transformer", "vae")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LARGEST_HEADER_BYTES = 100_000_000
_PHOTO_CHANNELS = 36
"""Input channels of a transformer that is shown the photo: noise, mask and condition."""

WANTED_FILES = (
    "model_index.json",
    "*/*.json",
    "*/*.safetensors",
    "tokenizer/*",
    "scheduler/*",
)
"""What a load opens, as patterns of names in a repository on the hub."""

NEEDED_LIBRARIES = ("accelerate", "ftfy")
"""diffusers does without them until the first load, or the first prompt."""
FP8_LIBRARIES = ("torchao",)


@dataclass(frozen=True)
class Sizes:
    """How large a model is, whatever number format it is loaded in.

    `parameters`: how many numbers each component holds. `width` and `layers`: the transformer's
    channels and blocks.
    """

    parameters: Mapping[str, int]
    width: int
    layers: int


@dataclass(frozen=True)
class Checkpoint:
    """A folder whose parts are all there, the family that it belongs to, and its sizes."""

    folder: Path
    family: Family
    sizes: Sizes


def require_libraries(
    names: tuple[str, ...] = NEEDED_LIBRARIES, pinned_in: str = "requirements.txt"
) -> None:
    """Raise `BackendUnusable` that names the first of these libraries that is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise BackendUnusable(
                f"the Python package {name} is missing: pip install -r {pinned_in}"
            )


def locate(model: str, revision: str | None = None, cache: Path | None = None) -> Path:
    """The folder that `model` names: itself, or a Hugging Face id in the local cache.

    `cache` is the hub's cache folder (None: where HF_HOME puts it). Nothing is downloaded. Raises
    `BackendUnusable` when there is nothing there.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if not HUB_ID.fullmatch(model):
        words = f"there is no folder {model}; correct the path, or give a Hugging Face id"
        raise OptionsWrong("wan", {"model": words})
    # Slow to import, and not needed for a folder.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            model,
            revision=revision,
            cache_dir=cache,
            local_files_only=True,
            allow_patterns=list(WANTED_FILES),
        )
    except (LocalEntryNotFoundError, HFValidationError) as error:
        at = f"{model} at {revision}" if revision else model
        raise BackendUnusable(
            f"the model {at} is neither a folder nor in the local cache: download it first"
        ) from error
    return Path(found)


def inspect(folder: Path) -> Checkpoint:
    """Check every part of the checkpoint in `folder` and tell its family.

    Reads the configurations and the weights' headers, not the weights. Raises `BackendUnusable`.
    """
    index = _json(folder / "model_index.json", "no diffusers model is in this folder")
    pipeline = index.get("_class_name")
    if pipeline not in _PIPELINES:
        raise BackendUnusable(f"{folder} holds a {pipeline}, not a WAN model")
    if not any((folder / "tokenizer" / name).is_file() for name in _TOKENIZERS):
        raise BackendUnusable(
            f"{folder}/tokenizer holds neither {' nor '.join(_TOKENIZERS)}: download it again"
        )
    parameters = {
        component: _checked_parameters(folder / component)
        for component in _WITH_WEIGHTS
        if component in _ALWAYS or _has(index, component)
    }
    config = folder / "transformer" / "config.json"
    transformer = _json(config, "the transformer is incomplete")
    family = _family(folder, index, transformer)
    return Checkpoint(folder, family, _sizes(config, transformer, parameters))


def _sizes(file: Path, transformer: Mapping[str, Any], parameters: Mapping[str, int]) -> Sizes:
    try:
        width = int(transformer["num_attention_heads"]) * int(transformer["attention_head_dim"])
        return Sizes(parameters, width, int(transformer["num_layers"]))
    except (LookupError, TypeError, ValueError) as error:
        raise BackendUnusable(f"{file} is damaged: download it again") from error


def _family(folder: Path, index: Mapping[str, Any], transformer: Mapping[str, Any]) -> Family:
    if index.get("expand_timesteps"):
        return TI2V_5B
    sees_photo = transformer.get("in_channels") == _PHOTO_CHANNELS
    if sees_photo and _has(index, "transformer_2") and index.get("boundary_ratio") is not None:
        return I2V_A14B
    if sees_photo and _has(index, "image_encoder") and transformer.get("image_dim") is not None:
        return WAN21_I2V
    raise BackendUnusable(
        f"{folder} holds a WAN model that takes no photo: use an image-to-video one (I2V or TI2V)"
    )


def _has(index: Mapping[str, Any], component: str) -> bool:
    entry = index.get(component)
    return isinstance(entry, list) and all(entry)


def _checked_parameters(component: Path) -> int:
    """How many numbers the component's files hold, each of which must be there and whole."""
    files = list(weight_files(component))
    if not files:
        pickled = any(found for kind in _PICKLES for found in component.glob(kind))
        raise BackendUnusable(
            f"{component} has its weights as pickles, which can run code: use safetensors"
            if pickled
            else f"{component} has no weights: download it again"
        )
    return sum(math.prod(part.shape) for file in files for part in read_header(file).values())


def weight_files(component: Path) -> Iterator[Path]:
    """Every file that a load would open, whether it is there or not."""
    indexes = sorted(component.glob("*.safetensors.index.json"))
    if not indexes:
        yield from sorted(component.glob("*.safetensors"))
    for index in indexes:
        shards = _json(index, "the list of weights is damaged").get("weight_map", {})
        yield from (component / name for name in sorted(set(shards.values())))


@dataclass(frozen=True)
class Part:
    """One tensor in a safetensors file, as its header describes it."""

    shape: tuple[int, ...]
    end_byte: int


def read_header(file: Path) -> dict[str, Part]:
    """The tensors in a safetensors file, by name; only its header is read.

    Raises `BackendUnusable` when the file is missing, damaged, or shorter or longer than its own
    header promises.
    """
    try:
        size_bytes = file.stat().st_size
        header_bytes, parts = _parsed_header(file, size_bytes)
        promised_bytes = 8 + header_bytes + max(part.end_byte for part in parts.values())
    except FileNotFoundError as error:
        raise BackendUnusable(f"{file} is missing: download it again") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BackendUnusable(f"{file} is damaged: download it again") from error
    if promised_bytes != size_bytes:
        raise BackendUnusable(f"{file} is truncated or damaged: download it again")
    return parts


def _parsed_header(file: Path, size_bytes: int) -> tuple[int, dict[str, Part]]:
    with file.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
        if not 0 < header_bytes < min(_LARGEST_HEADER_BYTES, size_bytes):
            raise ValueError("no header")
        header = json.loads(stream.read(header_bytes))
    header.pop("__metadata__", None)
    return header_bytes, {
        name: Part(tuple(int(side) for side in part["shape"]), int(part["data_offsets"][1]))
        for name, part in header.items()
    }


def _json(file: Path, otherwise: str) -> dict[str, Any]:
    try:
        loaded = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BackendUnusable(f"{otherwise}: {file} is missing") from error
    except ValueError as error:
        raise BackendUnusable(f"{file} is damaged: download it again") from error
    if not isinstance(loaded, dict):
        raise BackendUnusable(f"{file} is damaged: download it again")
    return loaded
