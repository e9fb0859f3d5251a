"""diffusers and transformers as this package uses them: without progress bars and chatter.

Importing this module takes about six seconds.
"""

from transformers.utils import logging as _transformers_logging

_level = _transformers_logging.get_verbosity()
# Importing the pipeline warns that torchvision is missing, which is of no use here.
_transformers_logging.set_verbosity_error()
try:
    from diffusers import (
        AutoencoderKLWan,
        FirstBlockCacheConfig,
        FlowMatchEulerDiscreteScheduler,
        UniPCMultistepScheduler,
        WanImageToVideoPipeline,
        WanPipeline,
        WanTransformer3DModel,
    )
    from diffusers.models.attention_dispatch import dispatch_attention_fn
    from diffusers.utils import logging as _diffusers_logging
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        CLIPVisionModel,
        T5TokenizerFast,
        UMT5Config,
        UMT5EncoderModel,
    )
finally:
    _transformers_logging.set_verbosity(_level)

_transformers_logging.disable_progress_bar()
_diffusers_logging.disable_progress_bar()

__all__ = [
    "AutoencoderKLWan",
    "CLIPImageProcessor",
    "CLIPVisionConfig",
    "CLIPVisionModel",
    "FirstBlockCacheConfig",
    "FlowMatchEulerDiscreteScheduler",
    "T5TokenizerFast",
    "UMT5Config",
    "UMT5EncoderModel",
    "UniPCMultistepScheduler",
    "WanImageToVideoPipeline",
    "WanPipeline",
    "WanTransformer3DModel",
    "dispatch_attention_fn",
]
