"""LoRAs: added to the weights that they name, or refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from inference.errors import BackendUnusable
from inference.wan.backend import WanBackend
from tests.integration.inference.breakage import parts
from tests.integration.inference.sample import OPTIONS, make, silent

A14B = "wan22-i2v-a14b"


FIVE = "wan22-ti2v-5b"


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
