"""The weights' way from the hub into the local cache, and what is found wrong before a start."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pool.child.preflight import Question, answer
from tests.fakes.bad_server import BadServer
from tests.fakes.hub import COMMIT, Hub

ROOT = Path(__file__).parents[3]
FIVE = "wan22-ti2v-5b"
NAME = "someone/tiny"


@pytest.fixture
def published(checkpoint, tmp_path):
    """A repository as people publish them: with a pickle and pictures beside the weights."""
    folder = shutil.copytree(checkpoint(FIVE), tmp_path / "published")
    (folder / "assets").mkdir()
    (folder / "assets" / "teaser.mp4").write_bytes(b"x" * 100_000)
    (folder / "transformer" / "weights.bin").write_bytes(b"pickle")
    return folder


@pytest.fixture
def start(tmp_path):
    """start(environment, *flags, **wan): the command's end, in a folder of its own."""

    def run(environment, *flags, **wan):
        config = {
            "vercel_api_url": "http://127.0.0.1:9",
            "device": "cpu",
            "wan": {"model": NAME, "video_size": "96*64", **wan},
        }
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        return subprocess.run(
            [ROOT / "bin" / "start-pool", "--config", "config.yaml", *flags],
            cwd=tmp_path,
            env={**os.environ, "WORKER_API_KEY": "k", **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def refusal(done) -> str:
    """The one line that a person reads."""
    assert done.returncode == 2, done
    # Why a download is due, and that no API answers here, are said on the way.
    on_the_way = ("download it first", "the key could not be tried")
    said = [line for line in done.stderr.splitlines() if not any(w in line for w in on_the_way)]
    (line,) = said
    return line


def test_download_fetches_what_a_load_opens_and_the_pool_then_starts_offline(
    published, start, tmp_path
):
    cache = tmp_path / "cache"
    with Hub({NAME: published}) as hub:
        done = start(hub.environment(cache), "--download")
        assert done.returncode == 0, done.stderr
        assert "downloading: " in done.stderr
        assert "(100%)" in done.stderr
        served = {name for name, _ in hub.served}
    assert "model_index.json" in served
    assert "tokenizer/tokenizer.json" in served
    assert not any(name.endswith((".bin", ".mp4")) for name in served)
    offline = hub.environment(cache) | {"HF_HUB_OFFLINE": "1"}
    shown = start(offline, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "cpu0: everything lies in the host's memory" in shown.stdout


def test_after_a_killed_download_only_what_is_missing_is_fetched(published, start, tmp_path):
    large = published / "transformer" / "diffusion_pytorch_model.safetensors"
    with Hub({NAME: published}) as hub:
        environment = hub.environment(tmp_path / "cache")
        start(environment, "--download")
        blobs = tmp_path / "cache" / "hub" / "models--someone--tiny" / "blobs"
        size_bytes = large.stat().st_size
        missing = next(blob for blob in blobs.iterdir() if blob.stat().st_size == size_bytes)
        old, live = (missing.with_name(f"{missing.name}.{n}.incomplete") for n in (1, 2))
        missing.rename(old)
        live.write_bytes(b"another process writes this")
        os.utime(old, (0, 0))
        hub.served.clear()
        done = start(environment, "--dry-run")
        assert "is downloaded at the first start" in done.stdout
        done = start(environment, "--download")
        assert done.returncode == 0, done.stderr
        assert [name for name, _ in hub.served] == [str(large.relative_to(published))]
    assert not old.exists()
    assert live.exists()


def test_a_connection_that_breaks_is_taken_up_again(published, start, tmp_path):
    with Hub({NAME: published}, cut_after=100_000) as hub:
        done = start(hub.environment(tmp_path / "cache"), "--download")
        assert done.returncode == 0, done.stderr
        served = [name for name, _ in hub.served]
    assert len(served) == len(set(served)) + 1
    assert "Trying to resume download" in done.stderr


def test_before_the_weights_are_here_a_dry_run_touches_no_network(start, tmp_path):
    with Hub({}) as hub:
        done = start(hub.environment(tmp_path / "cache"), "--dry-run")
        assert hub.served == []
    assert done.returncode == 0, done.stderr
    assert f"{NAME} is downloaded at the first start" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "someone/nothing"}, "someone/nothing is not on the hub, or is private"),
        ({"revision": "v9"}, "someone/tiny has no revision 'v9': correct 'revision' or 'lora'"),
        (
            {"lora": "someone/tiny@v8/a.safetensors"},
            "someone/tiny has no revision 'v8': correct 'revision' or 'lora'",
        ),
        ({"model": "/no/such/folder"}, "wan.model: there is no folder /no/such/folder"),
        ({"model": "."}, "no diffusers model is in this folder"),
        ({"steps": 0}, "wan.steps: it must be 1 or more"),
        ({"lora": "missing.safetensors"}, "there is no LoRA file missing.safetensors"),
    ],
)
def test_what_can_never_work_is_one_line_at_the_start(published, start, tmp_path, options, words):
    if "lora" in options:
        options["model"] = str(published)
    with Hub({NAME: published}) as hub:
        done = start(hub.environment(tmp_path / "cache"), **options)
    assert words in refusal(done)


def test_a_wrong_key_is_found_before_the_download(published, start, tmp_path):
    with Hub({NAME: published}) as hub, BadServer() as api:
        environment = hub.environment(tmp_path / "cache") | {"VERCEL_API_URL": api.url}
        done = start(environment)
        assert hub.served == []
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == (
        "start-pool: the Worker API refuses the key (401): correct WORKER_API_KEY"
    )


def test_a_full_disk_is_found_before_the_download(published, tmp_path):
    # The disk is the world's edge: a real full one needs a mount, which needs root.
    script = """
import shutil, sys
from types import SimpleNamespace
from inference.errors import BackendUnusable
from inference.wan.download import fetch, wanted
from inference.wan.settings import parse
shutil.disk_usage = lambda path: SimpleNamespace(free=1000)
try:
    fetch(wanted(parse({"model": "someone/tiny"})), lambda done, total: None)
except BackendUnusable as error:
    print(error)
"""
    with Hub({NAME: published}) as hub:
        printed = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, **hub.environment(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert hub.served == []
    assert "someone/tiny needs 0.0 GB more in" in printed
    assert "make room, or set HF_HOME to a larger disk" in printed


def test_a_lora_from_the_hub_is_fetched_and_checked_before_any_child(published, start, tmp_path):
    folder = tmp_path / "loras"
    folder.mkdir()
    wrong = {"blocks.9.attn1.to_q.lora_A.weight": torch.zeros(2, 48)}
    save_file(
        wrong | {"blocks.9.attn1.to_q.lora_B.weight": torch.zeros(48, 2)}, folder / "a.safetensors"
    )
    with Hub({NAME: published, "someone/loras": folder}) as hub:
        lora = f"someone/loras@{COMMIT}/a.safetensors"
        done = start(hub.environment(tmp_path / "cache"), lora=lora)
        assert ("a.safetensors", None) in hub.served
    # Its commit was asked for, so no branch was looked at, nor is one noted in the cache.
    assert not (tmp_path / "cache" / "hub" / "models--someone--loras" / "refs").exists()
    assert "does not fit: transformer has no layer blocks.9.attn1.to_q" in done.stderr
    assert done.returncode == 2


def test_a_card_that_is_too_small_is_found_before_any_child(checkpoint):
    options = {"model": str(checkpoint(FIVE)), "device": "cuda"}
    cards = {"gpu0": 141 * 2**30, "gpu1": 2 * 10**9}
    large, small = (
        answer(Question(options=options, cards=some, fetch="missing"), lambda *_: None)
        for some in ({"gpu0": cards["gpu0"]}, cards)
    )
    assert large.plans["gpu0"].startswith("everything stays on the card, bfloat16")
    assert small.problem.startswith("the model does not fit: 1.3 GB of the card's memory are free")


def test_the_commit_of_a_download_can_be_asked_for(published, start, tmp_path):
    with Hub({NAME: published}) as hub:
        done = start(hub.environment(tmp_path / "cache"), "--download", revision=COMMIT)
    assert done.returncode == 0, done.stderr


def test_a_hub_out_of_reach_is_asked_five_times_and_is_for_later(tmp_path):
    with Hub({}) as hub:
        gone = hub.environment(tmp_path / "cache")
    code = """
import sys
from inference.errors import TryLater
from inference.wan.download import fetch, wanted
from inference.wan.settings import parse
waits = []
try:
    fetch(wanted(parse({"model": "someone/tiny"})), lambda done, total: None, waits.append)
except TryLater as error:
    print(waits, error)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **gone},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.startswith("[2.0, 5.0, 15.0, 30.0] someone/tiny could not be downloaded: ")
    assert printed.endswith("finished files are kept, start again to go on\n")
