"""What the demonstration decides on a machine where somebody's own pool is set up already."""

from pathlib import Path

import pytest

from demo.errors import DemoFailed
from demo.flags import parsed
from demo.maker import chosen


def test_a_dotenv_of_the_persons_own_pool_is_not_asked_for_gpus(tmp_path, monkeypatch):
    weights = tmp_path / "demo-data" / "weights"
    weights.mkdir(parents=True)
    (tmp_path / ".env").write_text("WORKER_TYPE=runway\nRUNWAY_API_KEY=key\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model_index.json").touch()
    maker = chosen(parsed(["--model", str(Path("mine"))]), weights)
    assert maker.settings["device"] == "cpu"
    assert maker.settings["wan"] == {"model": str(tmp_path / "mine")}


@pytest.mark.parametrize("model", ["/no/such/folder", ".", "no-one/nothing"])
def test_a_model_that_is_not_here_is_said_before_anything_starts(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DemoFailed, match=f"--model {model} is neither a folder"):
        chosen(parsed(["--model", model]), tmp_path)
