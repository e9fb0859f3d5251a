"""Attention other than torch's own: tried before it is trusted, and left where it refuses."""

import numpy as np
import pytest
import torch
from loguru import logger

from inference.wan.attention import set_attention
from tests.integration.inference.breakage import breaking, parts
from tests.integration.inference.sample import make

A14B = "wan22-i2v-a14b"


FIVE = "wan22-ti2v-5b"


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
