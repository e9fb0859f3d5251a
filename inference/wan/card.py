"""The one device that this process sees, as torch sees it. Device thread."""

import torch

from inference.errors import DeviceUnfit


def memory_bytes(device: str) -> tuple[int, int] | None:
    """What is free on the device, and what it has in all; None on a CPU, where nothing is placed.

    Raises `DeviceUnfit`.
    """
    if device == "cpu":
        return None
    if not torch.cuda.is_available():
        raise DeviceUnfit("this process sees no CUDA device: check the driver, or set device")
    free, total = torch.cuda.mem_get_info()
    return int(free), int(total)


def uuid(device: str) -> str | None:
    """The CUDA device's UUID as torch writes it, without a prefix; None on a CPU."""
    return str(torch.cuda.get_device_properties(0).uuid) if device == "cuda" else None


def multiplies_in_8_bits(device: str) -> bool:
    """Whether the device has units for products of 8-bit floats: Ada, Hopper and later do."""
    return device == "cuda" and torch.cuda.get_device_capability() >= (8, 9)
