"""Which of torch's own errors end the process that meets them."""

import pytest
import torch

from inference.errors import DeviceUnfit
from inference.wan.faults import CardTooSmall, as_device_fault

ASSERT = "CUDA error: device-side assert triggered\nCUDA kernel errors might be reported later"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), CardTooSmall, "memory is too small"),
        (torch.AcceleratorError(ASSERT), DeviceUnfit, "CUDA error: device-side assert triggered"),
        (RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED"), DeviceUnfit, "the GPU failed: CUBLAS"),
    ],
)
def test_an_error_that_leaves_no_use_of_the_device_ends_the_process(error, kind, words):
    fault = as_device_fault(error)
    assert type(fault) is kind
    assert words in str(fault)
    assert "\n" not in str(fault)


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("CUDA error")])
def test_an_error_that_is_not_the_devices_is_left_alone(error):
    assert as_device_fault(error) is None
