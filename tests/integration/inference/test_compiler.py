"""Compiled blocks: the same bits, warmed up once, and done without where they cannot be made."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from loguru import logger
from torch._dynamo.utils import counters

from inference.errors import DeviceUnfit
from tests.integration.inference.breakage import OUT_OF_MEMORY, breaking
from tests.integration.inference.sample import FAMILIES, make

A14B = "wan22-i2v-a14b"


FIVE = "wan22-ti2v-5b"


@pytest.fixture
def compiled_blocks():
    """compiled_blocks(): how many graphs torch has compiled since the last call."""
    torch._dynamo.reset()
    counters.clear()

    def count() -> int:
        found = counters["stats"]["unique_graphs"]
        counters.clear()
        return found

    yield count
    torch._dynamo.reset()


@pytest.mark.parametrize("family", FAMILIES)
def test_compiled_blocks_give_the_same_bits(family, fresh, reference, compiled_blocks):
    backend = fresh(family, compile="eager", warm_up=False)
    assert np.array_equal(make(backend), reference(family))
    assert compiled_blocks() > 0


@pytest.mark.parametrize("family", [FIVE, A14B])
def test_after_the_warm_up_no_size_of_video_compiles_anything(family, fresh, compiled_blocks):
    backend = fresh(family, compile="eager", frame_num=9)
    assert compiled_blocks() > 0
    for photo in ("coffee.jpg", "astronaut.jpg", "cat-rotated.jpg"):
        for frames in (9, 13, 17):
            path = Path(__file__).parents[2] / "photos" / photo
            make(backend, photo=path, frame_num=frames)
    assert compiled_blocks() == 0


def test_a_warm_up_reports_that_it_is_alive_and_leaves_no_trace(fresh, reference, compiled_blocks):
    seen = []
    backend = fresh(FIVE, compile="eager", frame_num=9)
    backend.close()
    backend.load(lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (5, 5)
    assert {done for done, _ in seen} == {0, 1, 2, 3, 4, 5}
    assert np.array_equal(make(backend), reference(FIVE))


def test_compiled_kernels_are_kept_in_the_folder_that_was_given(fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")
    fresh(FIVE, cache_dir=str(tmp_path))
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "inductor")


def test_nothing_is_compiled_on_a_cpu_unless_asked(fresh, compiled_blocks):
    make(fresh(FIVE))
    assert compiled_blocks() == 0


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")
def test_without_a_c_compiler_the_videos_are_made_uncompiled(
    fresh, reference, compiled_blocks, monkeypatch, tmp_path
):
    monkeypatch.setenv("CXX", "/no/such/compiler")
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", (None, "/no/such/compiler"))
    said = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    backend = fresh(FIVE, compile="inductor", frame_num=9, cache_dir=str(tmp_path))
    logger.remove(sink)
    (line,) = said
    assert line.startswith("compiling failed, going on without, which is slower: InvalidCxx")
    assert line.count("\n") == 1
    assert np.array_equal(make(backend), reference(FIVE))


def test_a_compiler_that_fails_in_the_middle_of_a_task_does_not_cost_the_task(
    fresh, reference, compiled_blocks
):
    backend = fresh(FIVE, compile="eager", warm_up=False)
    hook = breaking(backend, torch._dynamo.exc.Unsupported("a graph break", "case"))
    seen = []
    frames = make(backend, progress=lambda done, _: seen.append(done))
    assert np.array_equal(frames, reference(FIVE))
    # The second attempt counts from nothing.
    again = seen[seen.index(1) :].index(0) + seen.index(1)
    assert seen[again:] == sorted(seen[again:])
    assert set(seen[again:]) == {0, 1, 2, 3, 4, 5}
    hook.remove()
    compiled_blocks()
    make(backend, frame_num=13)
    assert compiled_blocks() == 0


def test_what_the_compiler_met_on_the_device_is_the_devices_fault(fresh, compiled_blocks):
    backend = fresh(FIVE, compile="eager", warm_up=False, offload="none", vae_tiling=False)
    breaking(backend, torch._inductor.exc.InductorError(OUT_OF_MEMORY, None))
    with pytest.raises(DeviceUnfit, match="the GPU's memory is too small"):
        make(backend)


def test_a_step_cache_goes_with_a_compiler(fresh, compiled_blocks):
    plain = make(fresh(FIVE, step_cache=0.3, steps=4))
    compiled = make(fresh(FIVE, step_cache=0.3, steps=4, compile="eager", warm_up=False))
    assert np.array_equal(plain, compiled)
    assert compiled_blocks() > 0
