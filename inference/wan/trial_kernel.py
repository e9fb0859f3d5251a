"""One real computation on the device, to prove that torch, the driver and the card work together.

It imports torch, so only a process that may take its time imports it.
"""

from dataclasses import dataclass

import torch

from inference.errors import DeviceUnfit

_SIDE = 512
_TOLERANCE = 0.05
"""Of the mean product: bfloat16 keeps eight bits of each number."""


@dataclass(frozen=True)
class Trial:
    """What was computed on. `uuid` as torch writes it, without a prefix."""

    uuid: str
    name: str
    free_bytes: int
    torch_version: str
    cuda_version: str


def run_kernel() -> Trial:
    """Multiply two matrices on the one visible device and compare with the CPU's product.

    Raises `DeviceUnfit`, with what to do, when there is no device, or its result is wrong.
    """
    if torch.version.cuda is None:
        raise DeviceUnfit("this torch was built without CUDA: install one with it, see bin/install")
    try:
        props = torch.cuda.get_device_properties(0)
        wrong_by = _error_of_a_product()
        free_bytes = torch.cuda.mem_get_info()[0]
    except (RuntimeError, AssertionError) as error:
        words = str(error).partition("\n")[0]
        raise DeviceUnfit(f"CUDA fails ({words}): run nvidia-smi, and update the driver") from error
    if not wrong_by < _TOLERANCE:
        raise DeviceUnfit(f"the device computes wrongly (by {wrong_by:.0%}): give the machine back")
    return Trial(str(props.uuid), props.name, free_bytes, torch.__version__, torch.version.cuda)


def _error_of_a_product() -> float:
    """How far the device's product of two matrices is from the CPU's, relative to its mean."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.rand(_SIDE, _SIDE, generator=generator) for _ in range(2))
    product = left.to("cuda", torch.bfloat16) @ right.to("cuda", torch.bfloat16)
    expected = left @ right
    return float((product.float().cpu() - expected).abs().mean() / expected.mean())
