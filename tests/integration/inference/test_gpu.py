"""The WAN backend on a real card, with tiny weights: `pytest -m gpu`."""

import numpy as np
import pytest
import torch

from inference.errors import Cancelled
from inference.wan.trial_kernel import run_kernel
from tests.integration.inference.breakage import OUT_OF_MEMORY, StopAt, breaking, parts
from tests.integration.inference.sample import FAMILIES, make

FIVE = "wan22-ti2v-5b"
CARD = {"device": "cuda", "compile": "off", "warm_up": False}
NEAR = 3.0
"""The mean difference, of 255, that another machine's rounding may make in these models."""

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
    pytest.mark.usefixtures("gpu_alone"),
    # Waiting for its turn on the GPU is no part of a test's time.
    pytest.mark.timeout(300, func_only=True),
]


def far(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_the_card_computes():
    assert run_kernel().free_bytes > 0


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("offload", ["none", "text_encoder", "model", "group"])
def test_the_card_makes_the_cpus_video_wherever_the_parts_lie(family, offload, fresh, reference):
    backend = fresh(family, offload=offload, **CARD)
    assert far(make(backend), reference(family)) < NEAR
    assert far(make(backend), reference(family)) < NEAR


def test_compiled_it_is_the_same_video_and_no_size_is_compiled_in_a_task(fresh, reference):
    backend = fresh(FIVE, device="cuda", frame_num=9)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert before > 0
    assert far(make(backend), reference(FIVE)) < NEAR
    make(backend, frame_num=13)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before


def test_the_uuid_is_the_cards_own(fresh):
    assert fresh(FIVE, **CARD).device_uuid() == run_kernel().uuid


@pytest.mark.parametrize("offload", ["none", "text_encoder", "model", "group"])
def test_in_8_bits_it_is_nearly_the_same_video_wherever_the_parts_lie(offload, fresh, reference):
    pytest.importorskip("torchao")
    if torch.cuda.get_device_capability() < (8, 9):
        pytest.skip("this card does not multiply in 8 bits")
    backend = fresh(FIVE, fp8=True, dtype="bfloat16", offload=offload, **CARD)
    stays = offload in ("none", "text_encoder")
    assert (parts(backend).transformer.device.type == "cuda") is stays
    assert far(make(backend), reference(FIVE)) < 2 * NEAR


def test_after_a_cancel_the_cards_memory_is_free_again(fresh):
    backend = fresh(FIVE, **CARD)
    make(backend)
    before = torch.cuda.memory_allocated()
    stop = StopAt(4)
    with pytest.raises(Cancelled):
        make(backend, stop, stop.cancel)
    assert torch.cuda.memory_allocated() <= before


def test_a_card_that_ran_out_of_memory_makes_the_video_under_the_next_plan(fresh, reference):
    backend = fresh(FIVE, **CARD)
    breaking(backend, OUT_OF_MEMORY)
    assert far(make(backend), reference(FIVE)) < NEAR
    assert backend._plan.offload != "none"
