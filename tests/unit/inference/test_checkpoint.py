"""Checkpoints, judged from outside."""

import json
from pathlib import Path

import pytest

from inference.errors import BackendUnusable
from inference.wan.checkpoint import inspect, locate, require_libraries
from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V

CONFIG = {"num_attention_heads": 2, "attention_head_dim": 24, "num_layers": 4}
THERE = ["library", "Class"]
PUBLISHED_5B = {
    "_class_name": "WanPipeline",
    "boundary_ratio": None,
    "expand_timesteps": True,
    "text_encoder": THERE,
    "tokenizer": THERE,
    "transformer": THERE,
    "transformer_2": [None, None],
    "vae": THERE,
}
PUBLISHED_A14B = PUBLISHED_5B | {
    "_class_name": "WanImageToVideoPipeline",
    "boundary_ratio": 0.9,
    "expand_timesteps": False,
    "image_encoder": [None, None],
    "transformer_2": THERE,
}
PUBLISHED_WAN21 = PUBLISHED_A14B | {
    "boundary_ratio": None,
    "image_encoder": THERE,
    "transformer_2": [None, None],
}
PUBLISHED_T2V = PUBLISHED_5B | {"expand_timesteps": False}


def write_weights(file: Path) -> None:
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        }
    ).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


def checkpoint(folder: Path, index: dict, **transformer) -> Path:
    for component in ("text_encoder", "image_encoder", "transformer", "transformer_2", "vae"):
        if (index.get(component) or [None])[0]:
            write_weights(folder / component / "model.safetensors")
            (folder / component / "config.json").write_text("{}")
    (folder / "transformer" / "config.json").write_text(json.dumps(CONFIG | transformer))
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def five(tmp_path):
    return checkpoint(tmp_path / "five", PUBLISHED_5B, in_channels=48)


def refused(folder: Path) -> str:
    with pytest.raises(BackendUnusable) as raised:
        inspect(folder)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_the_5b_is_known_though_its_index_names_the_class_for_text(five):
    assert inspect(five).family is TI2V_5B


def test_sizes_are_read_from_the_headers_alone(five):
    sizes = inspect(five).sizes
    assert sizes.parameters == {"text_encoder": 2, "transformer": 2, "vae": 2}
    assert (sizes.width, sizes.layers) == (48, 4)


@pytest.mark.parametrize("value", ["many", None, []])
def test_a_configuration_without_sizes_is_damaged(five, value):
    config = five / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_layers": value}))
    assert "transformer/config.json is damaged" in refused(five)


def test_two_transformers_and_a_boundary_are_the_a14b(tmp_path):
    folder = checkpoint(tmp_path / "a14b", PUBLISHED_A14B, in_channels=36, image_dim=None)
    assert inspect(folder).family is I2V_A14B


def test_an_image_encoder_is_wan21(tmp_path):
    folder = checkpoint(tmp_path / "wan21", PUBLISHED_WAN21, in_channels=36, image_dim=1280)
    assert inspect(folder).family is WAN21_I2V


@pytest.mark.parametrize("index", [PUBLISHED_T2V, PUBLISHED_A14B, PUBLISHED_WAN21])
def test_a_model_for_text_alone_is_refused(tmp_path, index):
    folder = checkpoint(tmp_path / "t2v", index, in_channels=16, image_dim=None)
    assert "takes no photo" in refused(folder)


def test_a_folder_without_an_index_is_no_model(tmp_path):
    assert "model_index.json is missing" in refused(tmp_path)


def test_another_pipeline_is_named(five):
    (five / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    assert "holds a FluxPipeline, not a WAN model" in refused(five)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_damaged_index_says_so(five, text):
    (five / "model_index.json").write_text(text)
    assert "damaged" in refused(five)


def test_a_missing_tokenizer_is_an_error_though_no_library_says_so(five):
    (five / "tokenizer" / "tokenizer.json").unlink()
    assert "neither tokenizer.json nor spiece.model" in refused(five)
    (five / "tokenizer" / "spiece.model").write_bytes(b"x")
    assert inspect(five).family is TI2V_5B


def test_pickles_are_refused(five):
    weights = five / "vae" / "model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    assert "pickles, which can run code" in refused(five)


def test_a_component_without_weights_is_named(five):
    (five / "text_encoder" / "model.safetensors").unlink()
    assert "text_encoder has no weights" in refused(five)


def test_a_missing_component_is_named(five):
    (five / "transformer" / "config.json").unlink()
    assert "the transformer is incomplete" in refused(five)


@pytest.mark.parametrize("kept", [0, 4, 8, 40, -1])
def test_a_truncated_file_is_named(five, kept):
    weights = five / "transformer" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    assert "transformer/model.safetensors is" in refused(five)


def test_a_header_that_promises_the_world_is_not_read(five):
    (five / "vae" / "model.safetensors").write_bytes((2**62).to_bytes(8, "little") + bytes(100))
    assert "damaged" in refused(five)


@pytest.mark.parametrize("header", [b'"text"', b"[1]", b'{"w": 1}', b'{"w": {}}', b'{"": {}}'])
def test_a_header_of_another_shape_is_damaged(five, header):
    data = len(header).to_bytes(8, "little") + header + bytes(8)
    (five / "vae" / "model.safetensors").write_bytes(data)
    assert "damaged" in refused(five)


def test_every_shard_in_the_list_must_be_there(five):
    component = five / "transformer"
    (component / "model.safetensors").rename(component / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = component / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    assert "model-00002-of-00002.safetensors is missing" in refused(five)
    write_weights(component / "model-00002-of-00002.safetensors")
    assert inspect(five).family is TI2V_5B


def test_a_folder_is_found_by_its_path(five):
    assert locate(str(five)) == five


@pytest.mark.parametrize("model", ["/no/such/folder", "./weights", "weights", "a/b/c", "../x"])
def test_a_folder_that_is_not_there_is_named(model, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(BackendUnusable, match=r"wan.model: there is no folder .* correct the path"):
        locate(model)


def test_a_library_that_is_not_installed_is_named():
    require_libraries()
    with pytest.raises(BackendUnusable, match="package no_such_library is missing: pip install"):
        require_libraries(("accelerate", "no_such_library"))
