"""Tiny checkpoints: small, the same every time, and named as the published ones."""

import json
import sys
from pathlib import Path

import pytest

from inference.wan import tiny
from inference.wan.checkpoint import inspect
from tests.integration.inference.sample import FAMILIES


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_recognised_and_small(checkpoint, family):
    assert inspect(checkpoint(family)).family.name == family
    assert sum(map(len, contents(checkpoint(family)).values())) < 3_000_000


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_writes_the_same_bytes(checkpoint, family, tmp_path):
    again = contents(tiny.build(family, tmp_path / "again"))
    assert again == contents(checkpoint(family))
    assert contents(tiny.build(family, tmp_path / "other", seed=1)) != again


def test_the_5b_reads_like_the_published_one(checkpoint):
    index = json.loads((checkpoint("wan22-ti2v-5b") / "model_index.json").read_text())
    assert index["_class_name"] == "WanPipeline"
    assert index["expand_timesteps"] is True
    assert index["tokenizer"] == ["transformers", "T5TokenizerFast"]
    assert not any(part.startswith("image_") for part in index)


def test_the_command_writes_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tiny", "--family", "wan21-i2v", str(tmp_path / "model")])
    tiny.main()
    assert inspect(tmp_path / "model").family.name == "wan21-i2v"
