"""Counts what the published architectures need beside their weights, without a GPU.

The full-size models run on torch's meta device, where tensors have sizes and no contents; every
tensor that an operation makes is counted from its birth to its death. Attention counts as its
result alone, as the fused kernels have it. What a GPU's libraries need as scratch space is not in
these figures. `inference.wan.family` holds them, and a test compares.

    python -m tests.benchmarks.live_bytes
"""

import weakref
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V, Family
from inference.wan.libraries import AutoencoderKLWan, WanTransformer3DModel
from tests.benchmarks.full_size import TRANSFORMERS, VAES

_LAYERS = 3
"""The peak lies within one block, so a few are enough."""
_FP32 = ("time_embedder", "scale_shift_table", "norm1", "norm2", "norm3")


class LiveBytes(TorchDispatchMode):
    """The most bytes that were alive at once among the tensors made inside."""

    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.peak = 0
        self._live = 0
        self._seen = {weight.untyped_storage()._cdata for weight in weights.parameters()}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._born(leaf.untyped_storage())
        return result

    def _born(self, storage: Any) -> None:
        if storage._cdata in self._seen:
            return
        self._seen.add(storage._cdata)
        self._live += storage.nbytes()
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._died, storage._cdata, storage.nbytes())

    def _died(self, key: int, nbytes: int) -> None:
        self._seen.discard(key)
        self._live -= nbytes


@dataclass(frozen=True)
class Counted:
    """What `inference.wan.family` calls by the same names, in bytes."""

    token_bytes: float
    encode_bytes: float
    decode_bytes: float


def count(family: Family) -> Counted:
    """Count for the family's default size and length."""
    with torch.device("meta"), torch.no_grad():
        return Counted(_denoise(family), *_vae(family))


def _denoise(family: Family) -> float:
    config = TRANSFORMERS[family.name] | {"num_layers": _LAYERS}
    model = WanTransformer3DModel(**config).bfloat16()
    for name, weight in model.named_parameters():
        if any(part in name for part in _FP32):
            weight.data = weight.data.float()
    frames, height, width = _latent(family)
    tokens = frames * height * width // 4
    inputs = {
        "hidden_states": torch.empty(1, config["in_channels"], frames, height, width).bfloat16(),
        "timestep": torch.empty((1, tokens) if family is TI2V_5B else (1,)),
        "encoder_hidden_states": torch.empty(1, 512, 4096).bfloat16(),
    }
    if family is WAN21_I2V:
        inputs["encoder_hidden_states_image"] = torch.empty(1, 257, 1280).bfloat16()
    real, F.scaled_dot_product_attention = F.scaled_dot_product_attention, _fused
    try:
        with LiveBytes(model) as live:
            model(**inputs, return_dict=False)
    finally:
        F.scaled_dot_product_attention = real
    return live.peak / tokens / (config["num_attention_heads"] * config["attention_head_dim"])


def _fused(query: torch.Tensor, **_others: Any) -> torch.Tensor:
    return torch.empty_like(query)


def _vae(family: Family) -> tuple[float, float]:
    vae = AutoencoderKLWan(**VAES[family.name])
    frames, height, width = _latent(family)
    scale = family.multiple // 2
    area = height * width * scale**2
    # The 5B encodes the photo alone, the others the photo and the frames to come.
    shown = 1 if family is TI2V_5B else family.frames
    with LiveBytes(vae) as encoding:
        vae.encode(torch.empty(1, 3, shown, height * scale, width * scale))
    with LiveBytes(vae) as decoding:
        vae.decode(torch.empty(1, VAES[family.name]["z_dim"], frames, height, width))
    # Finished frames pile up beside the work on the next ones; the plan adds them by itself.
    finished = family.frames * area * 3 * 4
    return encoding.peak / area, (decoding.peak - finished) / area


def _latent(family: Family) -> tuple[int, int, int]:
    wide = {1280 * 704: (44, 80), 1280 * 720: (90, 160), 832 * 480: (60, 104)}
    return 1 + (family.frames - 1) // 4, *wide[family.area]


def main() -> None:
    """Print the figures of every family."""
    for family in (TI2V_5B, I2V_A14B, WAN21_I2V):
        print(family.name, count(family))


if __name__ == "__main__":
    main()
