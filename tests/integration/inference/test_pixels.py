"""Frames as bytes, and torch's errors as ours."""

import numpy as np
import pytest
import torch

from inference.errors import BadOutput
from inference.wan.faults import device_fault
from inference.wan.pixels import frames_of


def noise(frames=5) -> torch.Tensor:
    return torch.rand((frames, 3, 16, 24), generator=torch.Generator().manual_seed(1))


def test_floats_become_bytes_by_rounding():
    video = noise()
    expected = (video.numpy().transpose(0, 2, 3, 1) * np.float32(255)).round().astype(np.uint8)
    assert np.array_equal(frames_of(video), expected)
    assert frames_of(video).shape == (5, 16, 24, 3)
    assert frames_of(video).flags.c_contiguous


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_one_value_that_is_no_number_is_enough_to_refuse(value):
    video = noise()
    video[3, 1, 7, 7] = value
    with pytest.raises(BadOutput, match="NaN or infinite"):
        frames_of(video)


@pytest.mark.parametrize(("value", "words"), [(0.0, "black"), (0.5, "a single colour")])
def test_frames_of_one_colour_are_refused(value, words):
    with pytest.raises(BadOutput, match=words):
        frames_of(torch.full((5, 3, 16, 24), value))


def test_colours_without_any_shape_are_refused():
    video = torch.zeros((5, 3, 16, 24))
    video[:, 0] = 0.9
    with pytest.raises(BadOutput, match="a single colour"):
        frames_of(video)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore"), "too small"),
        (RuntimeError("CUDA error: device-side assert triggered\nhint"), "the GPU failed: CUDA"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"), "the GPU failed"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "the GPU failed"),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), "the GPU failed"),
    ],
)
def test_a_fault_of_the_device_is_one_line(error, words):
    fault = device_fault(error)
    assert words in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    "error",
    [RuntimeError("The size of tensor a (3) must match"), ValueError("CUDA error"), BadOutput("x")],
)
def test_other_errors_are_no_fault_of_the_device(error):
    assert device_fault(error) is None
