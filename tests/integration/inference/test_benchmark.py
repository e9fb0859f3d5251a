"""The benchmark runs through, with a tiny model, and writes what it measured."""

import json
from pathlib import Path

import pytest

from inference.wan.family import I2V_A14B, TI2V_5B
from inference.wan.prepared import Prepared
from inference.wan.settings import parse, recipe_for
from tests.benchmarks import wan
from tests.benchmarks.full_size import TRANSFORMERS

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("preset", ["wan22-ti2v-5b", "wan22-i2v-a14b", "wan21-i2v-14b-480p"])
def test_a_run_writes_its_figures(preset, tmp_path, capsys):
    target = tmp_path / "figures.json"
    config = ROOT / "configs" / f"{preset}.yaml"
    wan.main([str(config), "--tiny", "--device", "cpu", "--json", str(target)])
    figures = json.loads(target.read_text())
    assert figures["video"] == "96x64, 9 frames, 2 steps"
    assert figures["preset"] == preset
    assert figures["times_faster"] > 0
    assert 0 < figures["share_of_floor"] < 1
    assert set(figures["machine"]) >= {"gpu", "torch", "diffusers"}
    for run in (figures["ours"], figures["plain"]):
        assert len(run["steady"]["steps"]) == 2
        assert 0 < run["seconds_per_step"] <= run["steady"]["total"]
        assert 0 < run["outside_steps"] < run["steady"]["total"]
        assert run["load"] > 0
    assert "times as fast as plain diffusers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("family", "size", "frames", "tflop"),
    [
        (TI2V_5B, (1280, 704), 121, 1041),
        (I2V_A14B, (1280, 720), 81, 13047),
        (I2V_A14B, (832, 480), 81, 3357),
    ],
)
def test_a_steps_work_is_what_the_page_says(family, size, frames, tflop, tmp_path):
    folder = tmp_path / "transformer"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TRANSFORMERS[family.name]))
    recipe = recipe_for(parse({}), family)
    prepared = Prepared("item", None, *size, frames, "", 0, ())
    assert wan.step_tflop(tmp_path, family, recipe, prepared) == pytest.approx(tflop, abs=1)
    page = (ROOT / "docs" / "performance.md").read_text()
    assert f"| {tflop:,} |" in page
