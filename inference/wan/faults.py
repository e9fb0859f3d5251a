"""Which errors of torch mean that the device, or this process's hold on it, is lost."""

import torch

_STICKY = ("CUDA error", "CUDA driver error", "cuDNN error", "CUBLAS_STATUS", "NCCL error")
"""After the first of these every further CUDA call in the process fails as well."""


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
