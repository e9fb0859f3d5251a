"""The WAN backend over real diffusers, with tiny weights."""

import json
import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from loguru import logger
from safetensors.torch import load_file, save_file

from inference.backend import CancelToken
from inference.errors import BackendUnusable, BadOutput, Cancelled, DeviceUnfit
from inference.wan import card, pipeline
from inference.wan.backend import WanBackend
from inference.wan.checkpoint import locate
from inference.wan.libraries import UniPCMultistepScheduler, WanImageToVideoPipeline
from pool.lease.pace import Limits, Pace, Stage
from pool.settings.schema import StallLimits
from tests.integration.inference.sample import FAMILIES, OPTIONS, REQUEST, make, silent

FIVE = "wan22-ti2v-5b"


def plain_diffusers(folder, prepared, settings) -> np.ndarray:
    """The same video by the library alone, from the prompt's text."""
    pipe = WanImageToVideoPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.scheduler = UniPCMultistepScheduler.from_config(
        pipe.scheduler.config, flow_shift=settings["flow_shift"]
    )
    pipe.set_progress_bar_config(disable=True)
    video = pipe(
        image=prepared.image,
        prompt=prepared.prompt,
        negative_prompt=settings["negative_prompt"],
        height=prepared.height,
        width=prepared.width,
        num_frames=prepared.frames,
        num_inference_steps=OPTIONS["steps"],
        guidance_scale=settings["guidance_scale"],
        guidance_scale_2=settings.get("guidance_scale_2"),
        generator=torch.Generator().manual_seed(prepared.seed),
        output_type="np",
    ).frames[0]
    return (video * 255).round().astype(np.uint8)


class StopAt:
    """A progress that asks to stop at its `last` call, and counts what comes after."""

    def __init__(self, last: int) -> None:
        self.cancel = CancelToken()
        self.calls = 0
        self._last = last

    def __call__(self, done: int, total: int) -> None:
        self.calls += 1
        if self.calls == self._last:
            self.cancel.cancel()


def parts(backend):
    """The diffusers pipeline inside, to break it as a GPU would."""
    return backend._pipeline._pipe


# What is made


@pytest.mark.parametrize("family", FAMILIES)
def test_frames_are_those_of_the_library_alone(family, fresh, checkpoint):
    settings = {"flow_shift": 4.0, "negative_prompt": "blurred, static", "guidance_scale": 6.0}
    if family == "wan22-i2v-a14b":
        settings["guidance_scale_2"] = 2.0
    backend = fresh(family, **settings)
    prepared = backend.prepare(REQUEST)
    ours = backend.infer(prepared, silent, CancelToken()).frames
    assert np.array_equal(ours, plain_diffusers(checkpoint(family), prepared, settings))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_request_gives_the_same_video_and_another_seed_another(family, fresh, reference):
    backend = fresh(family)
    assert not np.array_equal(make(backend, seed=6), reference(family))
    assert np.array_equal(make(backend), reference(family))


@pytest.mark.parametrize(
    ("family", "fps", "photo", "size"),
    [
        (FIVE, 24, "cat-rotated.jpg", (96, 64)),
        ("wan22-i2v-a14b", 16, "astronaut.jpg", (64, 64)),
        ("wan21-i2v", 16, "coffee.jpg", (96, 64)),
    ],
)
def test_a_photo_becomes_a_file_that_plays(family, fps, photo, size, fresh, tmp_path):
    backend = fresh(family)
    request = replace(REQUEST, photo=REQUEST.photo.with_name(photo), frame_num=13)
    prepared = backend.prepare(request)
    clip = backend.infer(prepared, silent, CancelToken())
    video = backend.encode(clip, tmp_path / "video.mp4", silent, CancelToken())
    assert (video.width, video.height, video.frames, video.fps) == (*size, 13, fps)


def test_the_default_number_format_works_on_a_cpu(fresh):
    assert make(fresh(FIVE, dtype="bfloat16")).shape == (9, 64, 96, 3)


def test_guidance_switched_off_needs_no_negative_prompt(fresh, reference):
    assert not np.array_equal(make(fresh(FIVE, guidance_scale=1.0)), reference(FIVE))


def test_an_empty_prompt_is_the_default_one(fresh):
    backend = fresh(FIVE, default_prompt="바다에서 손을 흔들며")
    assert np.array_equal(make(backend, prompt=" "), make(backend, prompt="바다에서 손을 흔들며"))


def test_weights_that_are_float32_for_a_reason_stay_so(fresh):
    pipe = parts(fresh("wan21-i2v", dtype="bfloat16"))
    assert pipe.vae.dtype == torch.float32
    assert pipe.transformer.blocks[0].scale_shift_table.dtype == torch.float32
    assert pipe.transformer.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16


# Prompts


def test_a_korean_prompt_reaches_the_text_encoder_intact(fresh):
    backend = fresh(FIVE)
    seen = []
    hook = parts(backend).text_encoder.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0][0])
    )
    make(backend, prompt="행복한 가족")
    hook.remove()
    tokenizer = parts(backend).tokenizer
    (ids,) = seen
    assert len(ids) == 512
    assert tokenizer.decode(ids, skip_special_tokens=True) == "행복한 가족"
    assert tokenizer.unk_token_id not in ids


def test_each_prompt_is_encoded_once_and_the_negative_one_at_the_load(fresh):
    backend = fresh(FIVE)
    calls = []
    parts(backend).text_encoder.register_forward_hook(lambda *_: calls.append(1))
    make(backend, prompt="one")
    make(backend, prompt="two")
    make(backend, prompt="one")
    assert len(calls) == 2


def test_only_the_latest_prompts_are_kept(fresh):
    backend = fresh(FIVE)
    encoder = backend._pipeline._prompts
    first = encoder.embeddings("prompt 0")
    assert encoder.embeddings("prompt 0") is first
    for number in range(1, 17):
        encoder.embeddings(f"prompt {number}")
    assert encoder.embeddings("prompt 0") is not first
    assert torch.equal(encoder.embeddings("prompt 0"), first)


@pytest.mark.parametrize("prompt", ["word " * 200_000, "\x00\x01", "a\ud800b", "--help", "</s>"])
def test_a_hostile_prompt_is_only_data(fresh, prompt):
    assert make(fresh(FIVE), prompt=prompt).shape == (9, 64, 96, 3)


# Progress and cancellation


@pytest.mark.parametrize("family", FAMILIES)
def test_progress_counts_steps_and_decoded_chunks(family, fresh):
    seen = []
    make(fresh(family), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 5)
    assert seen[-1] == (5, 5)
    assert seen == sorted(seen)
    assert {done for done, _ in seen} == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cancel_stops_within_a_step_and_the_next_video_is_as_from_a_fresh_backend(
    family, fresh, reference
):
    backend = fresh(family)
    signs = StopAt(0)
    make(backend, progress=signs)
    for last in range(1, signs.calls):
        stop = StopAt(last)
        with pytest.raises(Cancelled):
            make(backend, stop, stop.cancel)
        assert stop.calls == last
        assert np.array_equal(make(backend), reference(family)), f"after a stop at sign {last}"


def test_a_cancel_before_the_start_does_nothing_at_all(fresh):
    cancel, seen = CancelToken(), []
    cancel.cancel()
    with pytest.raises(Cancelled):
        make(fresh(FIVE), lambda *sign: seen.append(sign), cancel)
    assert seen == []


def test_what_was_stopped_keeps_no_tensor_alive(fresh):
    stop = StopAt(4)
    with pytest.raises(Cancelled) as raised:
        make(fresh(FIVE), stop, stop.cancel)
    depth, traceback = 0, raised.tb
    while traceback is not None:
        held = traceback.tb_frame.f_locals.values()
        assert not any(isinstance(value, torch.Tensor) for value in held)
        depth, traceback = depth + 1, traceback.tb_next
    assert depth > 4


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_stopped_leaves_nothing_in_the_vae(family, fresh):
    backend = fresh(family)
    signs = StopAt(0)
    make(backend, progress=signs)
    for last in range(1, signs.calls):
        stop = StopAt(last)
        with pytest.raises(Cancelled):
            make(backend, stop, stop.cancel)
        vae = parts(backend).vae
        kept = [feature for feature in vae._feat_map + vae._enc_feat_map if feature is not None]
        assert kept == []
        assert not vae.decoder._forward_hooks
        assert not vae.encoder._forward_hooks


# Bad output and faults


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


def breaking(backend, error, call=3):
    """Make a denoising step, the second if not told, fail as a device would."""
    calls = []

    def fail(*_):
        calls.append(1)
        if len(calls) == call:
            raise error

    return parts(backend).transformer.register_forward_pre_hook(fail)


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")


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


# Loading


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_no_device_is_no_fault_of_the_weights(fresh):
    with pytest.raises(DeviceUnfit, match="sees no CUDA device"):
        fresh(FIVE, device="cuda")


def copied(checkpoint, tmp_path):
    return shutil.copytree(checkpoint(FIVE), tmp_path / "model")


def test_weights_that_do_not_fit_the_configuration_are_refused(checkpoint, fresh, tmp_path):
    folder = copied(checkpoint, tmp_path)
    config = folder / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"ffn_dim": 96}))
    with pytest.raises(BackendUnusable, match="could not be loaded") as raised:
        fresh(FIVE, model=str(folder))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("component", ["transformer", "vae"])
def test_a_missing_tensor_is_refused_instead_of_made_up(checkpoint, fresh, tmp_path, component):
    folder = copied(checkpoint, tmp_path)
    (file,) = (folder / component).glob("*.safetensors")
    tensors = load_file(file)
    removed = max(tensors)
    save_file({name: t for name, t in tensors.items() if name != removed}, file)
    with pytest.raises(BackendUnusable, match="could not be loaded"):
        fresh(FIVE, model=str(folder))


def test_a_model_in_the_hubs_cache_is_found_without_the_network(
    checkpoint, fresh, tmp_path, monkeypatch, reference
):
    def refuse(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    repository = tmp_path / "models--someone--tiny"
    snapshot = repository / "snapshots" / ("0" * 40)
    shutil.copytree(checkpoint(FIVE), snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    found = locate("someone/tiny", cache=tmp_path)
    assert found == snapshot
    assert locate("someone/tiny", "0" * 40, cache=tmp_path) == snapshot
    assert np.array_equal(make(fresh(FIVE, model=str(found))), reference(FIVE))
    with pytest.raises(BackendUnusable, match="someone/other is neither a folder nor in the local"):
        locate("someone/other", cache=tmp_path)
    with pytest.raises(BackendUnusable, match="someone/tiny at v2 is neither"):
        locate("someone/tiny", "v2", cache=tmp_path)


def test_a_backend_can_be_closed_and_loaded_again(fresh, reference):
    backend = fresh(FIVE)
    backend.close()
    backend.close()
    with pytest.raises(RuntimeError, match="before it was loaded"):
        backend.prepare(REQUEST)
    backend.load(silent)
    assert np.array_equal(make(backend), reference(FIVE))


def test_a_cpu_has_no_uuid_and_is_always_available(fresh):
    backend = fresh(FIVE)
    assert backend.device_uuid() is None
    assert backend.unavailable() is None


def test_a_card_that_is_too_small_for_the_load_gets_a_smaller_plan(fresh, monkeypatch, reference):
    plans = []

    def loaded(checkpoint, settings, recipe, plan):
        plans.append(plan.offload)
        if plan.offload != "model":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return real(checkpoint, settings, recipe, plan)

    # What a card's memory holds cannot be had without a card.
    real = pipeline.loaded_pipe
    monkeypatch.setattr(pipeline, "loaded_pipe", loaded)
    backend = fresh(FIVE)
    # So small a text encoder that its leaving would save nothing.
    assert plans == ["none", "model"]
    assert make(backend).shape == reference(FIVE).shape


@pytest.mark.parametrize(
    ("card_bytes", "error"), [(80 * 10**9, DeviceUnfit), (1_200_000_000, BackendUnusable)]
)
def test_a_full_card_stops_the_slot_for_good_only_if_it_would_be_too_small_empty(
    card_bytes, error, checkpoint, monkeypatch
):
    # A neighbour that fills a card cannot be had without a card.
    monkeypatch.setattr(card, "memory_bytes", lambda _: (550_000_000, card_bytes))
    backend = WanBackend({"model": str(checkpoint(FIVE))} | OPTIONS)
    with pytest.raises(error, match=r"0\.[56] GB"):
        backend.load(silent)


# Threads


def test_preparing_and_encoding_go_on_beside_the_device(fresh, reference, tmp_path):
    backend = fresh(FIVE)
    prepared = backend.prepare(REQUEST)
    clip = backend.infer(prepared, silent, CancelToken())
    started = threading.Event()

    def beside(number: int):
        started.wait(30)
        ready = backend.prepare(REQUEST)
        target = tmp_path / f"{number}.mp4"
        return ready, backend.encode(clip, target, silent, CancelToken())

    with ThreadPoolExecutor(4) as others:
        work = [others.submit(beside, number) for number in range(4)]
        frames = backend.infer(prepared, lambda *_: started.set(), CancelToken()).frames
        results = [future.result(60) for future in work]
    assert np.array_equal(frames, reference(FIVE))
    assert {video.frames for _, video in results} == {9}
    assert len({ready.image.tobytes() for ready, _ in results}) == 1
