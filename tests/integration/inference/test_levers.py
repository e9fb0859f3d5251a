"""What makes WAN fit and fast, on a CPU: that it changes nothing, or what it changes."""

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from loguru import logger
from safetensors.torch import save_file
from torch._dynamo.utils import counters

from inference.errors import BackendUnusable, Cancelled, DeviceUnfit
from inference.wan import card, facts, placement
from inference.wan.attention import set_attention
from inference.wan.backend import WanBackend
from inference.wan.settings import parse
from inference.wan.wear import Limits, Wear
from tests.integration.inference.sample import FAMILIES, OPTIONS, REQUEST, make, silent
from tests.integration.inference.test_wan_backend import (
    OUT_OF_MEMORY,
    StopAt,
    breaking,
    parts,
)

FIVE = "wan22-ti2v-5b"
A14B = "wan22-i2v-a14b"


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


# Attention


def test_attention_that_does_not_work_here_falls_back_to_torchs_own(fresh, reference):
    backend = fresh(A14B, attention="_native_cudnn")
    assert np.array_equal(make(backend), reference(A14B))


def test_a_working_attention_is_set_on_both_transformers(fresh):
    pipe = parts(fresh(A14B, attention="_native_math"))
    for transformer in (pipe.transformer, pipe.transformer_2):
        chosen = {str(block.attn1.processor._attention_backend) for block in transformer.blocks}
        assert chosen == {"AttentionBackendName._NATIVE_MATH"}


def test_an_attention_that_gives_noise_is_not_taken(fresh, monkeypatch):
    from inference.wan import attention

    real = attention.dispatch_attention_fn

    def noisy(query, key, value, backend):
        result = real(query, key, value, backend=backend)
        return result + torch.randn_like(result) if backend == "_native_math" else result

    # Only some cards and versions have such a kernel.
    monkeypatch.setattr(attention, "dispatch_attention_fn", noisy)
    pipe = parts(fresh(FIVE))
    assert set_attention([pipe.transformer], "_native_math", 32, "cpu") == "native"


@pytest.mark.parametrize(("family", "keys"), [(FIVE, {600, 512}), ("wan21-i2v", {600, 512, 257})])
def test_an_attention_is_tried_on_everything_that_a_token_looks_at(
    family, keys, fresh, monkeypatch
):
    from inference.wan import attention

    real, seen = attention.dispatch_attention_fn, set()

    def noting(query, key, value, backend):
        seen.add(key.shape[1])
        return real(query, key, value, backend=backend)

    monkeypatch.setattr(attention, "dispatch_attention_fn", noting)
    pipe = parts(fresh(family))
    assert set_attention([pipe.transformer], "_native_math", 600, "cpu") == "_native_math"
    assert seen == keys


def test_a_model_does_not_take_the_attention_of_the_one_before(fresh, reference):
    fresh(FIVE, attention="_native_math")
    assert np.array_equal(make(fresh(FIVE)), reference(FIVE))


@pytest.mark.parametrize("refusal", [
    "cuDNN Frontend error: [cudnn_frontend] Error: No execution plans support the graph.",
    "No available kernel. Aborting execution.",
    "This flash attention build does not support headdim not being a multiple of 32.",
])  # fmt: skip
def test_an_attention_that_fails_at_another_shape_does_not_cost_the_task(refusal, fresh, reference):
    backend = fresh(A14B, attention="_native_math")
    pipe = parts(backend)

    def chosen(transformer) -> set[str]:
        return {str(block.attn1.processor._attention_backend) for block in transformer.blocks}

    def refuse(*_):
        if chosen(pipe.transformer_2) == {"AttentionBackendName._NATIVE_MATH"}:
            raise RuntimeError(refusal)

    # Only some cards have a kernel that refuses a shape.
    pipe.transformer_2.register_forward_pre_hook(refuse)
    said = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    assert np.array_equal(make(backend), reference(A14B))
    logger.remove(sink)
    assert said == [f"attention _native_math failed, going on with torch's: {refusal}\n"]
    for transformer in (pipe.transformer, pipe.transformer_2):
        assert chosen(transformer) == {"AttentionBackendName.NATIVE"}


def test_an_error_that_is_no_attentions_is_not_taken_for_one(fresh):
    backend = fresh(FIVE, attention="_native_math")
    breaking(backend, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        make(backend)


# Compilation


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


def test_a_step_cache_goes_with_a_compiler(fresh, compiled_blocks):
    plain = make(fresh(FIVE, step_cache=0.3, steps=4))
    compiled = make(fresh(FIVE, step_cache=0.3, steps=4, compile="eager", warm_up=False))
    assert np.array_equal(plain, compiled)
    assert compiled_blocks() > 0


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


# LoRAs


def lora_file(folder: Path, names: tuple[str, str], layer: str, rank=2, **more) -> Path:
    generator = torch.Generator().manual_seed(3)
    down, up = names
    tensors = {
        f"{layer}.{down}": torch.randn(rank, 48, generator=generator),
        f"{layer}.{up}": torch.randn(48, rank, generator=generator),
        **more,
    }
    save_file(tensors, folder / "lora.safetensors")
    return folder / "lora.safetensors"


@pytest.mark.parametrize(
    ("names", "layer", "more", "strength"),
    [
        (("lora_A.weight", "lora_B.weight"), "transformer.blocks.1.attn1.to_q", {}, 1.0),
        (
            ("lora_down.weight", "lora_up.weight"),
            "diffusion_model.blocks.1.self_attn.q",
            {"diffusion_model.blocks.1.self_attn.norm_q.diff": torch.zeros(48)},
            1.0,
        ),
        (
            ("lora_down.weight", "lora_up.weight"),
            "blocks.1.self_attn.q",
            {"blocks.1.self_attn.q.alpha": torch.tensor(1.0)},
            0.5,
        ),
    ],
)
def test_a_lora_is_added_to_the_weights_it_names(
    names, layer, more, strength, fresh, reference, tmp_path
):
    file = lora_file(tmp_path, names, layer, **more)
    backend = fresh(FIVE, lora=str(file), lora_scale=0.5)
    generator = torch.Generator().manual_seed(3)
    down, up = (torch.randn(shape, generator=generator) for shape in ((2, 48), (48, 2)))
    plain = parts(fresh(FIVE)).transformer.blocks[1].attn1
    changed = parts(backend).transformer.blocks[1].attn1
    expected = plain.to_q.weight + 0.5 * strength * (up @ down)
    assert torch.allclose(changed.to_q.weight, expected, atol=1e-6)
    assert torch.equal(changed.to_k.weight, plain.to_k.weight)
    assert not np.array_equal(make(backend), reference(FIVE))


def test_the_second_transformer_has_a_lora_of_its_own(fresh, tmp_path):
    file = lora_file(tmp_path, ("lora_A.weight", "lora_B.weight"), "blocks.0.attn2.to_v")
    pipe, plain = parts(fresh(A14B, lora_2=str(file))), parts(fresh(A14B))
    for name, same in (("transformer", True), ("transformer_2", False)):
        weights = [getattr(p, name).blocks[0].attn2.to_v.weight for p in (pipe, plain)]
        assert torch.equal(*weights) is same


@pytest.mark.parametrize(
    ("layer", "rank", "more", "words"),
    [
        (
            "blocks.7.attn1.to_q",
            2,
            {},
            "does not fit: transformer has no layer blocks.7.attn1.to_q",
        ),
        ("blocks.0.ffn.net.2", 2, {}, r"blocks.0.ffn.net.2 is 48 x 64, not 48 x 48"),
        ("blocks.0.attn1.to_q", 2, {"what.is.this": torch.zeros(1)}, "holds what.is.this"),
        (
            "blocks.0.attn1.to_q",
            2,
            {"blocks.0.attn1.to_k.lora_A.weight": torch.zeros(2, 48)},
            "half of blocks.0.attn1.to_k is missing",
        ),
        (
            "blocks.0.attn1.to_q",
            2,
            {"blocks.0.attn1.to_k.diff_b": torch.zeros(7)},
            "has 48 outputs, not 7",
        ),
    ],
)
def test_a_lora_that_does_not_fit_is_refused_before_the_load(
    layer, rank, more, words, checkpoint, tmp_path
):
    file = lora_file(tmp_path, ("lora_A.weight", "lora_B.weight"), layer, rank, **more)
    backend = WanBackend({"model": str(checkpoint(FIVE)), "lora": str(file)} | OPTIONS)
    with pytest.raises(BackendUnusable, match=words) as raised:
        backend.load(silent)
    assert "\n" not in str(raised.value)


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
