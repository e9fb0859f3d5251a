"""What the demonstration decides on a machine where somebody's own pool is set up already."""

from pathlib import Path

from demo.flags import parsed
from demo.maker import chosen


def test_a_dotenv_of_the_persons_own_pool_is_not_asked_for_gpus(tmp_path, monkeypatch):
    weights = tmp_path / "demo-data" / "weights"
    weights.mkdir(parents=True)
    (tmp_path / ".env").write_text("WORKER_TYPE=runway\nRUNWAY_API_KEY=key\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    maker = chosen(parsed(["--model", str(Path("weights"))]), weights)
    assert maker.settings["device"] == "cpu"
