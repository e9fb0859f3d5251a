"""What makes WAN fit and fast, on a CPU: that it changes nothing, or what it changes."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.errors import BackendUnusable, Cancelled
from inference.wan import card, facts, placement
from inference.wan.settings import parse
from inference.wan.wear import Limits, Wear
from tests.integration.inference.breakage import StopAt, parts
from tests.integration.inference.sample import FAMILIES, REQUEST, make

FIVE = "wan22-ti2v-5b"
A14B = "wan22-i2v-a14b"


# Placement


@pytest.fixture(scope="session")
def either_reference(fresh, reference):
    """either_reference(family): what a fresh backend makes, from files and from copied weights.

    Weights mapped from a file may lie at odd addresses, and a CPU's kernels then round another way
    than for a copy, which moving a model makes.
    """

    @cache
    def made(family: str) -> tuple[np.ndarray, np.ndarray]:
        backend = fresh(family)
        for part in parts(backend).components.values():
            for weight in part.parameters() if isinstance(part, torch.nn.Module) else ():
                weight.data = weight.data.clone()
        return reference(family), make(backend)

    return made


def is_one_of(frames, references) -> bool:
    return any(np.array_equal(frames, reference) for reference in references)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("offload", ["text_encoder", "model", "group"])
def test_where_the_parts_lie_changes_no_bit(family, offload, fresh, either_reference):
    backend = fresh(family, offload=offload)
    assert is_one_of(make(backend), either_reference(family))
    assert is_one_of(make(backend), either_reference(family))


@pytest.mark.parametrize("offload", ["text_encoder", "model", "group"])
def test_after_a_cancel_parts_that_travel_are_where_they_were(offload, fresh, either_reference):
    backend = fresh(FIVE, offload=offload)
    signs = StopAt(0)
    make(backend, progress=signs)
    for last in (2, 4, signs.calls - 1):
        stop = StopAt(last)
        with pytest.raises(Cancelled):
            make(backend, stop, stop.cancel)
        assert is_one_of(make(backend), either_reference(FIVE)), f"after a stop at sign {last}"


def test_a_video_in_tiles_shows_the_same_scene(fresh):
    size = {"video_size": "320*320"}
    whole = make(fresh(FIVE, **size)).astype(int)
    tiled = make(fresh(FIVE, vae_tiling=True, **size)).astype(int)
    assert whole.shape == tiled.shape
    assert 0 < np.abs(whole - tiled).mean() < 12


# The decoder's number format


def test_decoding_in_bfloat16_is_near_the_full_precision(fresh, reference):
    decoded = make(fresh(FIVE, vae_decode="bfloat16")).astype(float)
    error = np.mean((decoded - reference(FIVE)) ** 2)
    assert error > 0
    assert 10 * np.log10(255**2 / error) > 40  # dB


def test_encoding_stays_in_float32_when_decoding_does_not(fresh):
    vae = parts(fresh(FIVE, vae_decode="bfloat16")).vae
    assert vae.dtype == torch.float32
    assert next(vae.encoder.parameters()).dtype == torch.float32
    assert next(vae.decoder.parameters()).dtype == torch.bfloat16


# The 5B's timesteps


def test_timesteps_embedded_once_differ_by_rounding_alone(fresh, reference):
    shared = make(fresh(FIVE, share_timesteps=True)).astype(int)
    difference = np.abs(shared - reference(FIVE))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("family", [A14B, "wan21-i2v"])
def test_families_with_one_timestep_are_left_as_they_are(family, fresh, reference):
    assert np.array_equal(make(fresh(family, share_timesteps=True)), reference(family))


def test_the_embedder_sees_two_timesteps_instead_of_every_tokens(fresh):
    backend = fresh(FIVE, share_timesteps=True)
    rows = []
    embedder = parts(backend).transformer.condition_embedder.time_embedder
    embedder.register_forward_hook(lambda _, inputs, __: rows.append(inputs[0].shape[1]))
    make(backend)
    assert set(rows) == {2}


# What is lossy


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_cache_leaves_out_blocks_and_starts_afresh_for_each_video(family, fresh):
    backend = fresh(family, step_cache=0.9, steps=6)
    calls = []
    for transformer in filter(None, (parts(backend).transformer, parts(backend).transformer_2)):
        transformer.blocks[-1].attn1.register_forward_hook(lambda *_: calls.append(1))
    first = make(backend)
    assert 0 < len(calls) < 2 * 6
    stop = StopAt(5)
    with pytest.raises(Cancelled):
        make(backend, stop, stop.cancel)
    assert np.array_equal(make(backend), first)


def test_four_steps_by_eulers_method_make_a_video(fresh):
    assert make(fresh(A14B, solver="euler", steps=4, guidance_scale=1.0)).shape == (9, 64, 96, 3)


@pytest.fixture
def eight_bits_on_a_cpu(monkeypatch):
    """A CPU multiplies in 8 bits as well, if slowly; only the checks of the hardware are lifted."""
    monkeypatch.setattr(card, "multiplies_in_8_bits", lambda _: True)


def test_fp8_on_a_device_without_it_says_which_is_needed(fresh):
    with pytest.raises(BackendUnusable, match="fp8 needs a GPU of the Ada or Hopper generation"):
        placement._quantize(parts(fresh(FIVE)), "cpu")


def test_fp8_without_its_package_says_what_to_install(checkpoint, monkeypatch):
    monkeypatch.setattr(facts, "FP8_LIBRARIES", ("no_such_library",))
    with pytest.raises(BackendUnusable, match=r"is missing: pip install -r requirements-fp8\.txt"):
        facts.check(parse({"model": str(checkpoint(FIVE)), "fp8": True}))


@pytest.mark.parametrize("offload", ["none", "group"])
def test_in_8_bits_the_video_is_nearly_the_same(
    offload, fresh, reference, monkeypatch, eight_bits_on_a_cpu
):
    quant_api = pytest.importorskip("torchao.quantization.quant_api")
    monkeypatch.setattr(quant_api, "_check_hardware_support", lambda _: None)
    plain = make(fresh(FIVE, dtype="bfloat16")).astype(int)
    backend = fresh(FIVE, dtype="bfloat16", offload=offload)
    pipe = parts(backend)
    placement._quantize(pipe, "cpu")
    layers = [m for m in pipe.transformer.blocks.modules() if isinstance(m, torch.nn.Linear)]
    assert {type(layer.weight).__name__ for layer in layers} == {"Float8Tensor"}
    assert pipe.transformer.blocks[0].scale_shift_table.dtype == torch.float32
    difference = np.abs(make(backend) - plain)
    assert 0 < difference.mean() < 2


# A long life


def test_after_another_size_the_video_is_as_from_a_fresh_backend(fresh, reference):
    backend = fresh(FIVE)
    make(backend, photo=Path(__file__).parents[2] / "photos" / "astronaut.jpg", frame_num=13)
    assert np.array_equal(make(backend), reference(FIVE))


@pytest.mark.parametrize(
    ("kept_bytes", "worn_out"),
    [(0, "None"), (100 * 2**20, r"its process grew by 0\.\d GiB over \d videos")],
)
def test_a_process_wears_out_that_keeps_something_of_each_video(kept_bytes, worn_out, fresh):
    """The tiny model's own growth has to stay below a limit that two leaked frames exceed."""
    backend = fresh(FIVE)
    backend._wear = Wear(Limits(host=150 * 2**20))
    kept = []
    for _ in range(5):
        make(backend)
        kept.append(np.ones(kept_bytes, np.uint8))
    make(backend)
    assert backend._wear.made == 6
    assert re.fullmatch(worn_out, str(backend.worn_out()))


def test_the_videos_length_follows_the_models_own_rate_when_asked(fresh):
    backend = fresh("wan21-i2v", frame_policy="duration")
    prepared = backend.prepare(replace(REQUEST, frame_num=25))
    assert prepared.frames == 17
    assert prepared.notes == ("25 frames at 24 fps became 17 at 16 fps",)
