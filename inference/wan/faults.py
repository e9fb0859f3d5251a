"""Which errors of torch mean that the device, or this process's hold on it, is lost."""

import torch

from inference.errors import DeviceUnfit

_STICKY = ("CUDA error", "CUDA driver error", "cuDNN error", "CUBLAS_STATUS", "NCCL error")
"""After the first of these every further CUDA call in the process fails as well."""


class CardTooSmall(DeviceUnfit):
    """The device ran out of memory; it is clean again, and less may still fit."""


def as_device_fault(error: BaseException) -> DeviceUnfit | None:
    """`error` in our words, if it is a fault of the device."""
    cause = met_by_compiler(error)
    sentence = device_fault(cause)
    if sentence is None:
        return None
    kind = CardTooSmall if isinstance(cause, torch.OutOfMemoryError) else DeviceUnfit
    return kind(sentence)


def met_by_compiler(error: BaseException) -> BaseException:
    """What the compiler met, where it was the compiler that passed `error` on; else `error`."""
    inner = getattr(error, "inner_exception", None)
    return inner if isinstance(inner, BaseException) else error


def device_fault(error: BaseException) -> str | None:
    """One line for a fault of the device; None for an error that has nothing to do with it."""
    first_line = str(error).partition("\n")[0]
    if isinstance(error, torch.OutOfMemoryError):
        return f"the GPU's memory is too small for this video: {first_line}"
    if isinstance(error, torch.AcceleratorError):
        return f"the GPU failed: {first_line}"
    if isinstance(error, RuntimeError) and any(mark in first_line for mark in _STICKY):
        return f"the GPU failed: {first_line}"
    return None
