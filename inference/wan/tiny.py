"""Random checkpoints of about 2 MB with the structure of the published ones.

They load through the unmodified pipeline and make real, if meaningless, videos in under a second on
a CPU: for the tests and for the demonstration.

    python -m inference.wan.tiny --family wan22-ti2v-5b FOLDER
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V
from inference.wan.libraries import (
    AutoencoderKLWan,
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    T5TokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)

_LATIN = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
_HANGUL = "가족사진행복한순간이웃음엄마아빠손을흔들며바다에서"
_TEXT_WIDTH = 32
_HEADS, _HEAD_WIDTH = 2, 24
_CLIP_WIDTH = 32


def build(family: str, folder: Path, seed: int = 0) -> Path:
    """Write a checkpoint of the family of that name into `folder` and return the folder.

    The same seed writes the same bytes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = _PIPELINES[family]()
    pipeline.save_pretrained(folder)
    _name_as_published(folder / "model_index.json")
    return folder


def _ti2v_5b() -> Any:
    vae = AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=4,
        z_dim=48,
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
        latents_mean=[0.0] * 48,
        latents_std=[1.0] * 48,
    )
    # The published repository is of the class for text alone, and says so in its index.
    return WanPipeline(
        **_text_parts(),
        vae=vae,
        scheduler=_scheduler(shift=5.0),
        transformer=_transformer(in_channels=48, out_channels=48),
        expand_timesteps=True,
    )


def _i2v_a14b() -> Any:
    return WanImageToVideoPipeline(
        **_text_parts(),
        vae=_vae_2_1(),
        scheduler=_scheduler(shift=3.0),
        transformer=_transformer(in_channels=36, out_channels=16),
        transformer_2=_transformer(in_channels=36, out_channels=16),
        boundary_ratio=0.9,
    )


def _wan21_i2v() -> Any:
    vision = CLIPVisionConfig(
        hidden_size=_CLIP_WIDTH,
        intermediate_size=2 * _CLIP_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
    )
    return WanImageToVideoPipeline(
        **_text_parts(),
        vae=_vae_2_1(),
        scheduler=_scheduler(shift=3.0),
        transformer=_transformer(
            in_channels=36,
            out_channels=16,
            image_dim=_CLIP_WIDTH,
            added_kv_proj_dim=_HEADS * _HEAD_WIDTH,
        ),
        image_encoder=CLIPVisionModel(vision),
        image_processor=CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=28),
    )


_PIPELINES = {
    TI2V_5B.name: _ti2v_5b,
    I2V_A14B.name: _i2v_a14b,
    WAN21_I2V.name: _wan21_i2v,
}


def _text_parts() -> dict[str, Any]:
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    letters = [(letter, -3.0) for letter in dict.fromkeys(_LATIN + _HANGUL)]
    encoder = UMT5Config(
        vocab_size=len(special) + len(letters),
        d_model=_TEXT_WIDTH,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
    )
    return {
        "tokenizer": T5TokenizerFast(vocab=special + letters, extra_ids=0),
        "text_encoder": UMT5EncoderModel(encoder),
    }


def _vae_2_1() -> Any:
    return AutoencoderKLWan(base_dim=4, z_dim=16)


def _transformer(**config: Any) -> Any:
    return WanTransformer3DModel(
        num_attention_heads=_HEADS,
        attention_head_dim=_HEAD_WIDTH,
        text_dim=_TEXT_WIDTH,
        freq_dim=32,
        ffn_dim=64,
        num_layers=4,
        **config,
    )


def _scheduler(shift: float) -> Any:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift
    )


def _name_as_published(index: Path) -> None:
    """Transformers 5 renamed the tokenizer's class; the published indexes have the old name."""
    parts = json.loads(index.read_text("utf-8"))
    parts["tokenizer"] = ["transformers", "T5TokenizerFast"]
    index.write_text(json.dumps(parts, indent=2) + "\n", "utf-8")


def main() -> None:
    """Write one checkpoint, as the command line says."""
    parser = argparse.ArgumentParser(description="Write a tiny random WAN checkpoint.")
    parser.add_argument("--family", choices=sorted(_PIPELINES), default=TI2V_5B.name)
    parser.add_argument("--seed", type=int, default=0, help="decides every weight (default 0)")
    parser.add_argument("folder", type=Path, help="where to write it; made if missing")
    arguments = parser.parse_args()
    build(arguments.family, arguments.folder, arguments.seed)


if __name__ == "__main__":
    main()
