"""`start-pool --check`: what is there, what is not, and what to do about it."""

import os
import shutil
import socket
import subprocess

import pytest
import yaml

from tests.fakes.canary import CANARY
from tests.fakes.nvml import Control, build, cards
from tests.fakes.running_pool import QUICK_BACKEND, ROOT
from tests.fakes.runway import FakeRunway


@pytest.fixture
def runway():
    with FakeRunway() as running:
        yield running


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory):
    """A checkpoint of 2 MB with every part."""
    from inference.wan.family import TI2V_5B
    from inference.wan.tiny import build as build_model

    return build_model(TI2V_5B.name, tmp_path_factory.mktemp("model"))


@pytest.fixture
def check(server, tmp_path):
    """Runs the check with these settings; its exit code and its lines."""

    def run(*flags, key=server.key, environ=None, **settings):
        config = {"vercel_api_url": server.url, "device": "cpu", **settings}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        ended = subprocess.run(
            [ROOT / "bin" / "start-pool", "--check", "--config", "config.yaml", *flags],
            cwd=tmp_path,
            env={**os.environ, "WORKER_API_KEY": key, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        return ended.returncode, ended.stdout.splitlines()

    return run


def line(lines, what):
    """The line about `what`, without its name."""
    [found] = [text for text in lines if text[2:].startswith(f"{what}")]
    return found


def bad(lines):
    return [text for text in lines if text.startswith("✗")]


def test_a_pool_that_has_everything_is_told_so_line_by_line(check, server, tmp_path):
    code, lines = check(backend=QUICK_BACKEND, http="127.0.0.1:0")
    assert (code, bad(lines)) == (0, [])
    names = [text[2:].partition(":")[0] for text in lines]
    assert names == [
        "settings",
        "devices",
        *(f"folder {tmp_path / name}" for name in ("state", "temp", "logs")),
        "open files",
        "processes",
        "status page",
        "Worker API",
        "backend",
        "host memory",
        "encoder",
    ]


def test_no_task_is_taken_and_nothing_is_left_behind(check, server, tmp_path):
    item = server.add_task(b"photo", "a prompt")
    check(backend=QUICK_BACKEND)
    asked = {entry.endpoint for entry in server.entries()} - {"admin"}
    assert asked == {"heartbeat"}
    assert server.item(item).status == "pending"
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_wrong_key_is_found_and_not_printed(check):
    code, lines = check(backend=QUICK_BACKEND, key=f"wrong-key-{CANARY}")
    assert code == 4
    assert bad(lines) == [line(lines, "Worker API")]
    assert "(401); correct WORKER_API_KEY" in bad(lines)[0]
    assert "wrong-key" not in "".join(lines)


def test_an_api_that_is_not_there_is_found(check):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, lines = check(backend=QUICK_BACKEND, vercel_api_url=f"http://127.0.0.1:{port}")
    assert code == 2
    assert "refused" in line(lines, "Worker API")
    assert line(lines, "encoder").startswith("✓")


def test_whole_weights_are_found_whole(check, whole_model):
    small = {"video_size": "320*192", "frame_num": 25}
    code, lines = check(wan={"model": str(whole_model), **small})
    assert (code, bad(lines)) == (0, [])
    assert "is whole, its tokenizer too; everything lies in the host's memory" in line(
        lines, "weights"
    )


def test_a_compiler_is_asked_for_only_where_blocks_are_compiled(check, whole_model, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    small = {"model": str(whole_model), "video_size": "320*192", "frame_num": 25}
    code, lines = check(wan=small)
    assert (code, [text for text in lines if text[2:].startswith("compiler")]) == (0, [])
    _, lines = check(wan={**small, "compile": "inductor"})
    assert "no-such-compiler" in line(lines, "compiler")
    assert "apt-get install gcc libc6-dev python3-dev" in line(lines, "compiler")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("tokenizer/tokenizer.json", "tokenizer"),
        ("vae/diffusion_pytorch_model.safetensors", "vae"),
    ],
)
def test_weights_that_lack_a_part_are_found(check, whole_model, tmp_path, spoil, words):
    model = shutil.copytree(whole_model, tmp_path / "model")
    (model / spoil).unlink()
    code, lines = check(wan={"model": str(model)})
    assert code == 2
    assert words in line(lines, "weights")


def test_runway_mode_needs_neither_torch_nor_an_encoder(check, tmp_path, runway):
    """The modules are made unimportable, as where only the light set is installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "for name in ('torch', 'diffusers', 'transformers', 'numpy'):\n"
        "    sys.modules[name] = None\n"
    )
    asked = {"worker_type": "runway", "runway_base_url": runway.url}
    environ = {"RUNWAY_API_KEY": runway.key, "PYTHONPATH": str(tmp_path)}
    code, lines = check("--workers", "3", environ=environ, **asked)
    assert (code, bad(lines)) == (0, [])
    assert "runway takes its settings" in line(lines, "backend")
    assert line(lines, "Runway key").startswith("✓")
    assert runway.key not in "".join(lines)

    environ["RUNWAY_API_KEY"] = f"wrong-key-{CANARY}"
    code, lines = check(environ=environ, **asked)
    assert code == 2
    assert bad(lines) == [f"✗ Runway key: {runway.url} refuses it (401); correct RUNWAY_API_KEY"]
    assert runway.tasks == []


def test_a_port_that_is_taken_is_found(check):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, lines = check(backend=QUICK_BACKEND, http=f"127.0.0.1:{port}")
    assert code == 2
    assert "is not free" in line(lines, "status page")


def test_beside_its_running_pool_the_page_has_its_port_by_right(check, start, tmp_path):
    start(folder=tmp_path, http="127.0.0.1:0").wait_for_states("ready")
    code, lines = check(backend=QUICK_BACKEND, http="127.0.0.1:0")
    assert (code, bad(lines)) == (0, [])
    assert not [text for text in lines if "status page" in text]


def test_too_little_room_is_found(check):
    code, lines = check(backend=QUICK_BACKEND, min_free_disk_bytes=10**15)
    assert code == 2
    assert len(bad(lines)) == 3
    assert "or lower min_free_disk_bytes" in bad(lines)[0]


def test_without_a_driver_the_rest_is_still_checked(check, tmp_path):
    environ = {"LD_LIBRARY_PATH": str(tmp_path)}
    code, lines = check(backend=QUICK_BACKEND, device="cuda", environ=environ)
    assert code == 3
    assert "--device cpu" in line(lines, "devices")
    assert line(lines, "Worker API").startswith("✓")


def test_a_card_that_torch_cannot_use_is_found_slot_by_slot(check, tmp_path):
    """NVML lists two cards that are not there, so that no kernel can run on either."""
    environ = Control(tmp_path / "gpus", cards(2)).environ(build(tmp_path))
    code, lines = check(backend=QUICK_BACKEND, device="cuda", environ=environ)
    assert code == 3
    assert line(lines, "gpu0").startswith("✗")
    assert line(lines, "gpu1").startswith("✗")


def test_sixteen_runway_workers_fit_into_one_gibibyte(check, runway):
    environ = {"RUNWAY_API_KEY": runway.key, "RUNWAY_BASE_URL": runway.url}
    code, lines = check("--mode", "runway", "--workers", "16", environ=environ)
    assert code == 0, lines
    assert line(lines, "host memory").endswith("1.0 needed for 16 children")
