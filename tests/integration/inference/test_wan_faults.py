"""The WAN backend when frames are unusable, memory runs out, or the device fails."""

import numpy as np
import pytest
import torch
from loguru import logger

from inference.backend import CancelToken
from inference.errors import BadOutput, Cancelled, DeviceUnfit
from inference.wan import pipeline
from pool.lease.pace import Limits, Pace, Stage
from pool.settings.schema import StallLimits
from tests.integration.inference.breakage import OUT_OF_MEMORY, breaking, parts
from tests.integration.inference.sample import REQUEST, make

FIVE = "wan22-ti2v-5b"


def test_weights_that_give_nan_end_in_bad_output_and_are_counted(fresh):
    backend = fresh(FIVE)
    with torch.no_grad():
        parts(backend).transformer.proj_out.bias.fill_(float("nan"))
    said = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    for _ in range(4):
        assert backend.worn_out() is None
        with pytest.raises(BadOutput, match="NaN"):
            make(backend)
    logger.remove(sink)
    assert said[-1] == "the frames hold NaN or infinite values: 4 of 4 so far\n"
    assert backend.worn_out() == "its last 4 videos in a row were black or broken"


def test_after_unusable_frames_the_next_video_is_as_from_a_fresh_backend(fresh, reference):
    backend = fresh(FIVE)
    spoil = parts(backend).transformer.register_forward_hook(
        lambda _module, _inputs, output: (output[0] * float("nan"),)
    )
    with pytest.raises(BadOutput):
        make(backend)
    spoil.remove()
    assert np.array_equal(make(backend), reference(FIVE))


def test_out_of_memory_is_tried_once_more_under_a_smaller_plan_that_stays(fresh, reference):
    backend = fresh(FIVE)
    assert backend._plan.offload == "none"
    # The model is loaded again, so the hook that breaks it is gone for the second attempt.
    breaking(backend, OUT_OF_MEMORY)
    assert np.array_equal(make(backend), reference(FIVE))
    smaller = backend._plan
    assert smaller.offload != "none"
    assert np.array_equal(make(backend), reference(FIVE))
    assert backend._plan == smaller


@pytest.fixture
def slow_loads(monkeypatch):
    """slow_loads: a clock that a denoising step moves by 2 s, and a load by 400 s."""
    clock = SlowClock()

    def loaded(*given):
        clock.now += 400
        return real(*given)

    # Only a model of full size takes that long.
    real = pipeline.loaded_pipe
    monkeypatch.setattr(pipeline, "loaded_pipe", loaded)
    return clock


class SlowClock:
    """A progress, as the pool takes it in. `late`: the signs of life that it took for a stall."""

    def __init__(self) -> None:
        self.now = 0.0
        self.late: list[tuple[int, int]] = []
        self._limits = Limits(StallLimits().model_dump())
        self._pace = Pace(Stage.INFER, self.now)

    def step(self, *_) -> None:
        self.now += 2

    def __call__(self, done: int, total: int) -> None:
        if self._pace.stalled(self.now, self._limits):
            self.late.append((done, total))
        self._pace = self._pace.moved(self.now, done, total)


def test_loading_again_after_out_of_memory_is_not_taken_for_a_stall(fresh, slow_loads):
    backend = fresh(FIVE, steps=6)
    parts(backend).transformer.register_forward_pre_hook(slow_loads.step)
    breaking(backend, OUT_OF_MEMORY, call=12)
    make(backend, slow_loads)
    assert slow_loads.now > 800
    assert slow_loads.late == []


@pytest.mark.parametrize("loads", [1, 2])
def test_a_cancel_while_the_model_is_loaded_again_ends_there(loads, fresh, reference):
    """The first sign of life of a load comes before it, the second one after it."""
    backend = fresh(FIVE)
    breaking(backend, OUT_OF_MEMORY)
    cancel, seen = CancelToken(), []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if seen.count((0, 1)) == loads:
            cancel.cancel()

    with pytest.raises(Cancelled):
        make(backend, stop, cancel)
    assert seen.count((0, 1)) == loads
    assert np.array_equal(make(backend), reference(FIVE))


def test_the_next_task_is_prepared_while_the_model_is_loaded_again(fresh, monkeypatch):
    backend = fresh(FIVE)
    prepared = []

    def loaded(*given):
        prepared.append(backend.prepare(REQUEST))
        return real(*given)

    real = pipeline.loaded_pipe
    monkeypatch.setattr(pipeline, "loaded_pipe", loaded)
    breaking(backend, OUT_OF_MEMORY)
    make(backend)
    assert len(prepared) == 1


def test_the_smaller_plan_is_remembered_by_the_next_process_on_the_device(fresh, tmp_path):
    backend = fresh(FIVE, cache_dir=str(tmp_path))
    breaking(backend, OUT_OF_MEMORY)
    make(backend)
    again = fresh(FIVE, cache_dir=str(tmp_path))
    assert again._plan == backend._plan
    assert again._plan.offload != "none"
    other = fresh(FIVE, cache_dir=str(tmp_path), video_size="320*320")
    assert other._plan.offload == "none"


def test_a_long_video_that_was_too_much_costs_the_next_process_nothing(fresh, tmp_path):
    usual = {"cache_dir": str(tmp_path), "frame_num": 9}
    backend = fresh(FIVE, **usual)
    breaking(backend, OUT_OF_MEMORY)
    make(backend, frame_num=13)
    assert backend._plan.offload != "none"
    assert fresh(FIVE, **usual)._plan.offload == "none"


def test_out_of_memory_at_the_end_of_the_ladder_ends_the_process_in_one_line(fresh, reference):
    backend = fresh(FIVE, offload="group", vae_tiling=True)
    hook = breaking(backend, OUT_OF_MEMORY)
    with pytest.raises(DeviceUnfit, match="the GPU's memory is too small for this video"):
        make(backend)
    hook.remove()
    assert make(backend).shape == reference(FIVE).shape


def test_a_plan_that_was_asked_for_is_not_left_when_memory_runs_out(fresh):
    backend = fresh(FIVE, offload="none", vae_tiling=False)
    breaking(backend, OUT_OF_MEMORY)
    with pytest.raises(DeviceUnfit, match="too small"):
        make(backend)


def test_a_lost_device_ends_the_process(fresh):
    backend = fresh(FIVE)
    breaking(backend, RuntimeError("CUDA error: an illegal memory access was encountered"))
    with pytest.raises(DeviceUnfit, match="the GPU failed: CUDA error: an illegal memory access"):
        make(backend)


def test_a_bug_of_ours_is_not_taken_for_anything_else(fresh):
    backend = fresh(FIVE)
    breaking(backend, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        make(backend)
