"""The published architectures at full size, as configurations; and checkpoints of random weights.

How long a video takes and how much memory it needs do not depend on the weights' values, so a
machine without any download can measure both.

    python -m tests.benchmarks.full_size --family wan22-ti2v-5b FOLDER
"""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from inference.wan import tiny
from inference.wan.checkpoint import Sizes
from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V
from inference.wan.libraries import (
    AutoencoderKLWan,
    CLIPVisionConfig,
    CLIPVisionModel,
    UMT5Config,
    UMT5EncoderModel,
    WanTransformer3DModel,
)

_COMMON = {"attention_head_dim": 128, "text_dim": 4096, "freq_dim": 256}
_14B = {
    **_COMMON,
    "num_attention_heads": 40,
    "num_layers": 40,
    "ffn_dim": 13824,
    "in_channels": 36,
    "out_channels": 16,
}
TRANSFORMERS = MappingProxyType(
    {
        TI2V_5B.name: {
            **_COMMON,
            "num_attention_heads": 24,
            "num_layers": 30,
            "ffn_dim": 14336,
            "in_channels": 48,
            "out_channels": 48,
        },
        I2V_A14B.name: _14B,
        WAN21_I2V.name: _14B | {"image_dim": 1280, "added_kv_proj_dim": 5120},
    }
)
_VAE_2_1 = {"base_dim": 96, "z_dim": 16}
VAES = MappingProxyType(
    {
        TI2V_5B.name: {
            "base_dim": 160,
            "decoder_base_dim": 256,
            "z_dim": 48,
            "is_residual": True,
            "in_channels": 12,
            "out_channels": 12,
            "patch_size": 2,
            "scale_factor_spatial": 16,
            "latents_mean": [0.0] * 48,
            "latents_std": [1.0] * 48,
        },
        I2V_A14B.name: _VAE_2_1,
        WAN21_I2V.name: _VAE_2_1,
    }
)
_TEXT = {
    "vocab_size": 256384,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
}
_VISION = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
}


def components(family: str) -> dict[str, Callable[[], Any]]:
    """What makes each component that has weights, on torch's default device."""
    made: dict[str, Callable[[], Any]] = {
        "text_encoder": lambda: UMT5EncoderModel(UMT5Config(**_TEXT)),
        "transformer": lambda: WanTransformer3DModel(**TRANSFORMERS[family]),
        "vae": lambda: AutoencoderKLWan(**VAES[family]),
    }
    if family == I2V_A14B.name:
        made["transformer_2"] = made["transformer"]
    if family == WAN21_I2V.name:
        made["image_encoder"] = lambda: CLIPVisionModel(CLIPVisionConfig(**_VISION))
    return made


def sizes(family: str) -> Sizes:
    """The family's sizes, counted without allocating anything."""
    with torch.device("meta"):
        parameters = {
            name: sum(weight.numel() for weight in make().parameters())
            for name, make in components(family).items()
        }
    config = TRANSFORMERS[family]
    width = config["num_attention_heads"] * config["attention_head_dim"]
    return Sizes(parameters, width, config["num_layers"])


def build(family: str, folder: Path, device: str) -> Path:
    """Write a full-size checkpoint of random bfloat16 weights, made on `device`; 24 GB for the 5B.

    The A14B's second transformer is a link to the first: the values do not matter, the disk does.
    """
    tiny.build(family, folder)
    made = components(family)
    _check_disk(folder, sizes(family))
    for name, make in made.items():
        shutil.rmtree(folder / name)
        if name == "transformer_2":
            (folder / name).symlink_to("transformer")
            continue
        _random(make, device).save_pretrained(folder / name)
    _relabel(folder / "model_index.json")
    return folder


def _random(make: Callable[[], Any], device: str) -> Any:
    with torch.device("meta"):
        part = make().to(torch.bfloat16)
    part = part.to_empty(device=device)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for name, weight in part.named_parameters():
            spread = 0.02 if weight.ndim > 1 else 0.0
            centre = 1.0 if "norm" in name and name.endswith(("weight", "gamma")) else 0.0
            weight.normal_(centre, spread, generator=generator) if spread else weight.fill_(centre)
    return part.to("cpu")


def _check_disk(folder: Path, found: Sizes) -> None:
    distinct = {name: n for name, n in found.parameters.items() if name != "transformer_2"}
    needed_bytes = 2 * sum(distinct.values())
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise SystemExit(
            f"{folder} needs {needed_bytes / 1e9:.0f} GB, {free_bytes / 1e9:.0f} GB are free: give "
            "another folder with --weights"
        )


def _relabel(index: Path) -> None:
    parts = json.loads(index.read_text("utf-8"))
    parts["_name_or_path"] = "random weights at full size"
    index.write_text(json.dumps(parts, indent=2) + "\n", "utf-8")


def main() -> None:
    """Write one checkpoint, as the command line says."""
    flags = argparse.ArgumentParser(description="Write a full-size checkpoint of random weights.")
    flags.add_argument("--family", choices=sorted(TRANSFORMERS), default=TI2V_5B.name)
    flags.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    flags.add_argument("folder", type=Path)
    given = flags.parse_args()
    build(given.family, given.folder, given.device)


if __name__ == "__main__":
    main()
