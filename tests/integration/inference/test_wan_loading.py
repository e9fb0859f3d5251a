"""What the WAN backend loads, and what it refuses to."""

import json
import shutil
import socket

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.errors import BackendUnusable, DeviceUnfit
from inference.wan import card, pipeline
from inference.wan.backend import WanBackend
from inference.wan.checkpoint import locate
from tests.integration.inference.sample import OPTIONS, REQUEST, make, silent

FIVE = "wan22-ti2v-5b"


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
