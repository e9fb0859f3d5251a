"""The WAN backend over real diffusers, with tiny weights."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.backend import CancelToken
from inference.errors import Cancelled
from inference.wan.libraries import UniPCMultistepScheduler, WanImageToVideoPipeline
from tests.integration.inference.breakage import StopAt, parts
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
