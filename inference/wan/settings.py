"""The settings of the WAN backend. Light: any process may validate them."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from inference.errors import OptionsWrong
from inference.wan.family import NEGATIVE_PROMPT, Family
from inference.wan.frames import LONGEST, SHORTEST, FramePolicy, nearest_length
from inference.wan.memory import Offload, Work

_SIZE = re.compile(r"(\d{2,5})\s*[*x×]\s*(\d{2,5})")

EncoderPreset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]

Attention = Literal[
    "auto",
    "native",
    "_native_cudnn",
    "_native_efficient",
    "_native_flash",
    "_native_math",
    "flash",
    "flash_hub",
    "_flash_3",
    "_flash_3_hub",
    "sage",
    "sage_hub",
    "xformers",
]
"""diffusers' names of the kernels that may serve on an NVIDIA GPU, and torch's own."""


def _area_of(value: object) -> object:
    """`1280*704` as a number of pixels."""
    size = _SIZE.fullmatch(str(value).strip())
    if value is not None and size is None:
        raise ValueError("it must be WIDTH*HEIGHT, as 1280*704")
    return size and int(size[1]) * int(size[2])


def _none_if_auto(value: object) -> object:
    return None if value == "auto" else value


class WanSettings(BaseModel):
    """What can be set. None means the family's published value (`inference.wan.family`).

    `model`           a folder in diffusers' layout, or a Hugging Face id in the local cache
    `revision`        the branch, tag or commit of a Hugging Face id
    `video_size`      the area in pixels, written `1280*704`; the shape comes from the photo
    `frame_num`       frames of the video for a task that names no number, whatever the policy
    `frame_policy`    what a task's frame number, counted at 24 a second, means to a model of
                      another rate (`inference.wan.frames`)
    `fps`             frames per second of the finished file
    `steps`           denoising steps
    `guidance_scale`  how closely the prompt is followed; 1 or less leaves out the negative prompt
    `guidance_scale_2`  the same for the second transformer, which A14B alone has
    `flow_shift`      the schedule's shift: more spends more steps on the large shapes
    `negative_prompt` what not to show
    `default_prompt`  stands in for an empty prompt
    `device`, `dtype` where the model runs and in which number format; the VAE is always float32
    `crf`             H.264's quality, 0 to 51; less is better and larger
    `encoder_preset`  x264's name for time against file size

    Where things lie (`inference.wan.memory`):

    `offload`         what leaves the card between its turns; None: what the card's memory needs
    `vae_tiling`      whether the VAE works in tiles; None: only where nothing else fits
    `cache_dir`       folder of compiled kernels, kept across restarts; None: the library's own

    Speed without loss:

    `attention`       auto tries what there is and takes the fastest; else a name of diffusers'
    `compile`         auto compiles on a GPU; inductor and eager name torch's compilers; off
    `share_timesteps` whether the 5B embeds its two timesteps once, not once a token; None: on a GPU
                      (`inference.wan.timesteps`; it changes the last bits, as a compiler does)
    `warm_up`         whether a video is made before the first task; None: where it is compiled

    Speed at a cost in the picture; none is ever a default:

    `solver`          euler for distilled weights; unipc is the models' own
    `vae_decode`      bfloat16 decodes faster and in half the memory
    `fp8`             the transformers' matrix products in 8 bits; needs the package torchao, an Ada
                      or Hopper GPU, and dtype bfloat16
    `step_cache`      how much the first block may change for the other blocks to be left out
    `lora`, `lora_2`  a safetensors file, or OWNER/NAME@REVISION/FILE on the hub (@REVISION may be
                      left out), merged into the first and the second transformer; `lora_scale` is
                      its strength
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(default="Wan-AI/Wan2.2-TI2V-5B-Diffusers", min_length=1)
    revision: str | None = None
    video_size: Annotated[int | None, BeforeValidator(_area_of), Field(ge=1024, le=4096**2)] = None
    frame_num: int | None = Field(default=None, ge=SHORTEST, le=LONGEST)
    frame_policy: FramePolicy = "exact"
    fps: int | None = Field(default=None, ge=1, le=120)
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance_scale: float | None = Field(default=None, ge=0, le=30, allow_inf_nan=False)
    guidance_scale_2: float | None = Field(default=None, ge=0, le=30, allow_inf_nan=False)
    flow_shift: float | None = Field(default=None, gt=0, le=100, allow_inf_nan=False)
    negative_prompt: str = NEGATIVE_PROMPT
    default_prompt: str = "the people in the photo come alive, natural movement, gentle camera"
    device: Literal["cuda", "cpu"] = "cuda"
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    crf: int = Field(default=18, ge=0, le=51)
    encoder_preset: EncoderPreset = "medium"
    offload: Annotated[Offload | None, BeforeValidator(_none_if_auto)] = None
    vae_tiling: bool | None = None
    cache_dir: Path | None = None
    attention: Attention = "auto"
    compile: Literal["auto", "off", "inductor", "eager"] = "auto"
    share_timesteps: bool | None = None
    warm_up: bool | None = None
    solver: Literal["unipc", "euler"] = "unipc"
    vae_decode: Literal["float32", "bfloat16"] = "float32"
    fp8: bool = False
    step_cache: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    lora: str | None = Field(default=None, min_length=1)
    lora_2: str | None = Field(default=None, min_length=1)
    lora_scale: float = Field(default=1.0, gt=0, le=4, allow_inf_nan=False)

    @field_validator("fp8")
    @classmethod
    def _fp8_has_what_it_needs(cls, fp8: bool, info: ValidationInfo) -> bool:
        if fp8 and (info.data.get("device"), info.data.get("dtype")) != ("cuda", "bfloat16"):
            raise ValueError("needs device: cuda and dtype: bfloat16")
        return fp8

    @property
    def loras(self) -> dict[str, str]:
        """The LoRA of each transformer that has one."""
        given = {"transformer": self.lora, "transformer_2": self.lora_2}
        return {component: lora for component, lora in given.items() if lora is not None}

    @property
    def compiler(self) -> Literal["inductor", "eager"] | None:
        """What compiles the transformers' blocks; nothing does on a CPU, unless it is asked to."""
        if self.compile == "auto":
            return "inductor" if self.device == "cuda" else None
        return None if self.compile == "off" else self.compile

    @property
    def shares_timesteps(self) -> bool:
        """Whether the 5B's timesteps are embedded once."""
        return self.device == "cuda" if self.share_timesteps is None else self.share_timesteps

    @property
    def warms_up(self) -> bool:
        """Whether a video is made before the first task, so that none waits for a compiler."""
        return self.compiler is not None if self.warm_up is None else self.warm_up


@dataclass(frozen=True)
class Recipe:
    """The settings with a family's values filled in: nothing is left open.

    `area` in pixels; `frames` of a task that names no number; `fps` of the finished file.
    `guidance_scale_2` is None for families with one transformer.
    """

    area: int
    frames: int
    fps: int
    steps: int
    guidance_scale: float
    guidance_scale_2: float | None
    flow_shift: float


def parse(options: Mapping[str, object]) -> WanSettings:
    """The settings in `options`. Raises `OptionsWrong`, which names each wrong key."""
    try:
        return WanSettings.model_validate(dict(options))
    except ValidationError as error:
        raise OptionsWrong("wan", dict(map(_problem, error.errors()))) from error


def recipe_for(settings: WanSettings, family: Family) -> Recipe:
    """What to make, with this family's published values where the settings are silent."""
    for key in ("guidance_scale_2", "lora_2"):
        if getattr(settings, key) is not None and not family.two_experts:
            words = f"it is for models with two transformers; {family.name} has one, so remove it"
            raise OptionsWrong("wan", {key: words})
    area = settings.video_size or family.area
    guidance_scale = _or(settings.guidance_scale, family.guidance_scale)
    return Recipe(
        area=area,
        frames=nearest_length(settings.frame_num or family.frames),
        fps=settings.fps or family.fps,
        steps=settings.steps or family.steps,
        guidance_scale=guidance_scale,
        guidance_scale_2=(
            _or(settings.guidance_scale_2, guidance_scale) if family.two_experts else None
        ),
        flow_shift=_or(settings.flow_shift, family.shift_for(area)),
    )


def work_for(settings: WanSettings, recipe: Recipe) -> Work:
    """What the usual video of these settings asks of the device's memory."""
    return Work(
        area=recipe.area,
        frames=recipe.frames,
        dtype=settings.dtype,
        decode_dtype=settings.vae_decode,
        fp8=settings.fp8,
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _problem(problem: ErrorDetails) -> tuple[str, str]:
    """The key, and what is wrong with it."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return key, problem["msg"]
    near = difflib.get_close_matches(key, WanSettings.model_fields, n=1, cutoff=0.0)
    return key, f"there is no such key; the nearest is {near[0]!r}"
