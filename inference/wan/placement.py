"""A checkpoint loaded and placed as the plan says. Device thread; takes minutes at full size."""

from typing import Any

import torch
from loguru import logger

from inference.errors import BackendUnusable
from inference.wan import card
from inference.wan.attention import set_attention
from inference.wan.checkpoint import Checkpoint
from inference.wan.libraries import (
    FirstBlockCacheConfig,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
)
from inference.wan.lora import find_lora
from inference.wan.memory import Plan
from inference.wan.merge import merge_lora
from inference.wan.settings import Recipe, WanSettings
from inference.wan.timesteps import embed_two_timesteps


def loaded_pipe(
    checkpoint: Checkpoint, settings: WanSettings, recipe: Recipe, plan: Plan
) -> tuple[Any, str]:
    """The diffusers pipeline, ready to be called, and the name of its attention kernel.

    Raises what the libraries raise, and `BackendUnusable` for options that cannot work here.
    """
    if settings.device == "cuda":
        # TF32 for what is left in float32: the timesteps' embedder, and the VAE's few products.
        torch.set_float32_matmul_precision("high")
    pipe = _from_pretrained(checkpoint, settings, plan)
    pipe.scheduler = _scheduler(pipe, settings, recipe)
    for component, lora in settings.loras.items():
        merge_lora(getattr(pipe, component), find_lora(lora), settings.lora_scale)
    if settings.fp8:
        _quantize(pipe, settings.device)
    _place(pipe, settings.device, plan)
    _decode_in(pipe.vae, settings.vae_decode)
    tokens = checkpoint.family.tokens(recipe.area, recipe.frames)
    attention = set_attention(transformers_of(pipe), settings.attention, tokens, settings.device)
    _speed_up(pipe, settings, plan)
    return pipe, attention


def compiler_under(plan: Plan, settings: WanSettings) -> str | None:
    """What compiles the transformers' blocks under this plan; None: nothing."""
    return None if plan.offload == "group" else settings.compiler


def transformers_of(pipe: Any) -> list[Any]:
    """The one or two denoisers of a pipeline."""
    return [part for part in (pipe.transformer, pipe.transformer_2) if part is not None]


def _from_pretrained(checkpoint: Checkpoint, settings: WanSettings, plan: Plan) -> Any:
    straight = plan.offload == "none" and not settings.fp8
    pipe = WanImageToVideoPipeline.from_pretrained(
        # The class is named, because the 5B's own index names one that takes no photo.
        checkpoint.folder,
        # float32 where the published examples have it: both work on pixels, once per video.
        dtype={
            "default": getattr(torch, settings.dtype),
            "vae": torch.float32,
            "image_encoder": torch.float32,
        },
        # What will travel is loaded into the host's memory; what stays goes straight to the card.
        device_map=settings.device if straight else None,
        use_safetensors=True,
        local_files_only=True,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _scheduler(pipe: Any, settings: WanSettings, recipe: Recipe) -> Any:
    """Our shift, because what the converted A14B repositories carry is not the published one."""
    if settings.solver == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=recipe.flow_shift)
    return UniPCMultistepScheduler.from_config(pipe.scheduler.config, flow_shift=recipe.flow_shift)


def _quantize(pipe: Any, device: str) -> None:
    """Turn the blocks' linear layers into 8 bits, on the card, where one block lies at a time."""
    if not card.multiplies_in_8_bits(device):
        raise BackendUnusable("fp8 needs a GPU of the Ada or Hopper generation, or a later one")
    # Optional; that it is there was checked before (`inference.wan.facts`).
    from torchao.quantization import (
        Float8DynamicActivationFloat8WeightConfig,
        PerRow,
        quantize_,
    )

    config = Float8DynamicActivationFloat8WeightConfig(granularity=PerRow())
    for transformer in transformers_of(pipe):
        for block in transformer.blocks:
            quantize_(block, config, device=device)
            # Left on the card, the experts of a large model would fill it before the plan is heard.
            block.to("cpu")


def _place(pipe: Any, device: str, plan: Plan) -> None:
    if plan.vae_tiling:
        pipe.vae.enable_tiling()
    if plan.offload == "model":
        pipe.enable_model_cpu_offload(device=device)
        return
    for name in plan.on_card:
        getattr(pipe, name).to(device)
    if plan.offload == "group":
        for transformer in transformers_of(pipe):
            transformer.enable_group_offload(
                onload_device=torch.device(device),
                offload_type="block_level",
                num_blocks_per_group=1,
                use_stream=device == "cuda",
                # The next block travels while this one works; pinning all of them at once would
                # need the whole model's size in memory that the kernel cannot move.
                low_cpu_mem_usage=True,
            )


def _decode_in(vae: Any, dtype: str) -> None:
    """Let the VAE's decoder work in `dtype`; the encoder stays in float32."""
    if dtype == "float32":
        return
    wanted = getattr(torch, dtype)
    for half in (vae.post_quant_conv, vae.decoder):
        half.to(wanted)
    vae.post_quant_conv.register_forward_pre_hook(lambda _, args: (args[0].to(wanted), *args[1:]))


def _speed_up(pipe: Any, settings: WanSettings, plan: Plan) -> None:
    compiler = compiler_under(plan, settings)
    if compiler != settings.compiler:
        logger.info("nothing is compiled while blocks travel one by one")
    for transformer in transformers_of(pipe):
        if settings.shares_timesteps:
            embed_two_timesteps(transformer)
        if settings.step_cache is not None:
            transformer.enable_cache(FirstBlockCacheConfig(threshold=settings.step_cache))
        if compiler is not None:
            # The cache looks at values to decide what to skip, which a whole graph cannot.
            whole = settings.step_cache is None
            transformer.compile_repeated_blocks(fullgraph=whole, backend=compiler)
