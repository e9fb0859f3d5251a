"""What the makers of each WAN family say about it. Data only."""

from dataclasses import dataclass

NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，"
    "低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，"
    "毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
"""What not to draw. The published settings of every family use these words, in Chinese, and their
results were judged with them."""

AREA_480P = 832 * 480
AREA_720P = 1280 * 720


@dataclass(frozen=True)
class Family:
    """The facts of one family of checkpoints, as published.

    `multiple`: both sides of a frame are multiples of this many pixels. `area`: the default, in
    pixels. `fps` and `frames`: the native rate and the default length. `flow_shift_480p` applies
    to areas up to 832 x 480. `two_experts`: a second transformer takes the low-noise steps.

    The last three say what the work needs beside the weights, in bytes of memory: a token of the
    denoiser for each channel of its width (at two bytes a number), and a pixel of a frame while
    the VAE, in float32, encodes and decodes it. They were counted on the published architectures
    (`tests/benchmarks/live_bytes.py`); a library's scratch space comes on top.
    """

    name: str
    multiple: int
    area: int
    fps: int
    frames: int
    steps: int
    guidance_scale: float
    flow_shift: float
    flow_shift_480p: float
    two_experts: bool
    token_bytes: float
    encode_bytes: float
    decode_bytes: float

    def tokens(self, area: int, frames: int) -> int:
        """How many tokens the denoiser works on: four frames share one, but for the first."""
        return (1 + (frames - 1) // 4) * area // self.multiple**2

    def shift_for(self, area: int) -> float:
        """The schedule's shift that goes with an area."""
        return self.flow_shift_480p if area <= AREA_480P else self.flow_shift


TI2V_5B = Family(
    name="wan22-ti2v-5b",
    multiple=32,
    area=1280 * 704,
    fps=24,
    frames=121,
    steps=50,
    guidance_scale=5.0,
    flow_shift=5.0,
    flow_shift_480p=5.0,
    two_experts=False,
    token_bytes=65.0,
    encode_bytes=1_970,
    decode_bytes=21_600,
)
I2V_A14B = Family(
    name="wan22-i2v-a14b",
    multiple=16,
    area=AREA_720P,
    fps=16,
    frames=81,
    steps=40,
    guidance_scale=3.5,
    flow_shift=5.0,
    flow_shift_480p=5.0,
    two_experts=True,
    token_bytes=22.3,
    encode_bytes=15_100,
    decode_bytes=19_500,
)
# The 480P and 720P checkpoints of this family differ in their weights alone, so the smaller area is
# the default and `video_size` says otherwise.
WAN21_I2V = Family(
    name="wan21-i2v",
    multiple=16,
    area=AREA_480P,
    fps=16,
    frames=81,
    steps=40,
    guidance_scale=5.0,
    flow_shift=5.0,
    flow_shift_480p=3.0,
    two_experts=False,
    token_bytes=22.3,
    encode_bytes=15_100,
    decode_bytes=19_500,
)
