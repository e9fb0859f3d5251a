"""The benchmark runs through, with a tiny model, and writes what it measured."""

import json
from pathlib import Path

import pytest
import torch

from inference.wan.family import I2V_A14B, TI2V_5B
from inference.wan.prepared import Prepared
from inference.wan.settings import parse, recipe_for
from tests.benchmarks import on_gpu, wan
from tests.benchmarks.full_size import TRANSFORMERS

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """For the processes that are started: threads that wait for each other slow a busy machine."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_a_run_writes_its_figures(tmp_path, capsys):
    target = tmp_path / "figures.json"
    config = ROOT / "configs" / "wan22-ti2v-5b.yaml"
    wan.main([str(config), "--tiny", "--device", "cpu", "--json", str(target)])
    figures = json.loads(target.read_text())
    assert figures["video"] == "96x64, 9 frames, 2 steps"
    assert figures["preset"] == "wan22-ti2v-5b"
    assert figures["times_faster"] > 0
    assert 0 < figures["share_of_floor"] < 1
    assert set(figures["machine"]) >= {"gpu", "torch", "diffusers"}
    for run in (figures["ours"], figures["plain"]):
        assert len(run["steady"]["steps"]) == 2
        assert 0 < run["seconds_per_step"] <= run["steady"]["total"]
        assert 0 < run["outside_steps"] < run["steady"]["total"]
        assert run["load"] > 0
    assert "times as fast as plain diffusers" in capsys.readouterr().out


def rehearsed(part: str, folder: Path) -> dict:
    on_gpu.main([part, "--tiny", "--device", "cpu", "--weights", str(folder), "--out", str(folder)])
    return json.loads((folder / f"wan-{part}.json").read_text())


def test_a_part_for_a_gpu_is_rehearsed_with_a_tiny_model(tmp_path):
    figures = rehearsed("a14b-480p", tmp_path)
    assert figures["preset"] == "wan22-i2v-a14b"
    assert figures["plain"] is None
    assert figures["ours"]["seconds_per_step"] > 0


def test_the_ways_of_decoding_are_compared_with_the_exact_one(tmp_path):
    ways = rehearsed("vae", tmp_path)["ways"]
    assert all(way["seconds"] > 0 for way in ways.values())
    assert ways["float32"]["psnr_db"] is None
    assert 20 < ways["bfloat16, channels last"]["psnr_db"] < 80


def test_the_plan_is_compared_with_what_was_held(tmp_path):
    places = rehearsed("plan", tmp_path)["places"]
    assert [place["offload"] for place in places] == [
        "none", "text_encoder", "model", "model", "group",
    ]  # fmt: skip
    assert all(place["estimated_bytes"] > 0 for place in places)


def test_several_parts_run_each_in_a_process_of_its_own(tmp_path, capfd):
    (tmp_path / "wan-plan.json").mkdir()  # so that this part cannot write its figures
    folder = str(tmp_path)
    flags = ["--tiny", "--device", "cpu", "--weights", folder, "--out", folder]
    on_gpu.main(["plan", "vae", *flags])
    printed = capfd.readouterr().out
    assert "plan: failed with 1" in printed
    assert "vae: done" in printed
    assert json.loads((tmp_path / "wan-vae.json").read_text())["ways"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_card_no_test_of_it_is_said_to_have_passed(tmp_path):
    figures = rehearsed("card", tmp_path)
    assert (figures["tests_ran"], figures["tests_passed"]) == (0, None)
    assert [path.name for path in tmp_path.iterdir()] == ["wan-card.json"]


def test_a_part_that_does_not_exist_is_named(capsys):
    with pytest.raises(SystemExit):
        on_gpu.main(["5c"])
    assert "there is no part 5c" in capsys.readouterr().err


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
