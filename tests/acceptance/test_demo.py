"""`bin/demo` in a fresh copy of the project, with this environment's packages."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from demo.outcome import decoded
from tests.checker import MARK, marked
from tests.checker.playable import why_not_playable
from tests.fakes.running_pool import ROOT, wait_until

pytestmark = pytest.mark.timeout(240)
ENDS_WITHIN_S = 180.0
NAMES = ("astronaut", "coffee", "cat-rotated")


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What git would give to somebody who clones the project now, and a link to the packages."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def demo(clone: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "bin" / "demo", *flags],
        cwd=clone,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_WITHIN_S,
    )


@pytest.fixture(scope="module")
def shown(clone) -> subprocess.CompletedProcess[str]:
    """One demonstration, in a pipe, from an environment that belongs to another pool."""
    theirs = {"NEXT_API_URL": "https://production.example", "WORKER_API_KEY": "theirs"}
    theirs[MARK] = str(clone)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in theirs.items():
            patch.setenv(name, value)
        return demo(clone, "--exit", "--device", "cpu")


def test_three_photos_become_three_videos_that_play(clone, shown):
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for name in NAMES:
        path = clone / "demo-data" / "videos" / f"{name}.mp4"
        assert why_not_playable(path.read_bytes()) is None
        assert decoded(path).codec == "h264"
        assert str(path.relative_to(clone)) in shown.stdout


def test_the_same_story_runs_with_a_double_of_runway_and_says_that_it_is_one(clone):
    told = demo(clone, "--exit", "--mode", "runway", "--data", "runway-demo")
    assert told.returncode == 0, told.stdout + told.stderr
    for name in NAMES:
        path = clone / "runway-demo" / "videos" / f"{name}.mp4"
        assert why_not_playable(path.read_bytes()) is None
    assert "a DOUBLE: not the real Runway, nothing is paid" in told.stdout
    assert "A double of Runway made these" in told.stdout


def test_the_photo_that_lies_on_its_side_becomes_an_upright_video(clone, shown):
    film = decoded(clone / "demo-data" / "videos" / "cat-rotated.mp4")
    assert film.width > film.height


def test_in_a_pipe_each_change_is_one_line_without_control_characters(shown):
    lines = [line.split() for line in shown.stdout.splitlines()]
    changes = [line for line in lines if len(line) > 3 and line[1] == "s"]
    assert [line[3] for line in changes if line[2] == "astronaut"][-1] == "completed"
    for who in NAMES:
        said = [line[3:] for line in changes if line[2] == who]
        assert all(now != before for before, now in pairwise(said))
    assert "\x1b" not in shown.stdout


def test_the_tables_at_the_end_say_who_worked_and_where_the_seconds_went(shown):
    head, *rows = shown.stdout[shown.stdout.index("photo ") :].splitlines()[:4]
    columns = head.split()
    assert columns[:2] == ["photo", "worker"]
    assert {"confirm", "download", "prepare", "infer", "encode", "upload", "report"} < {*columns}
    for name, row in zip(NAMES, rows, strict=True):
        assert row.split()[0] == name
        assert row.split()[1] in ("cpu0", "cpu1")
        assert float(row.split()[columns.index("infer")]) > 0


def test_nothing_is_left_running_and_no_key_stands_in_a_log(clone, shown):
    assert marked(str(clone)) == []
    data = clone / "demo-data"
    secrets = json.loads((data / "server" / "keys.json").read_text()).values()
    texts = [shown.stdout, shown.stderr, (data / "pool.yaml").read_text()]
    texts += [path.read_text() for path in (data / "logs").iterdir()]
    assert [secret for secret in secrets for text in texts if secret in text] == []


@contextmanager
def on_a_terminal(clone: Path, *flags: str) -> Iterator[tuple[subprocess.Popen, "_Screen"]]:
    """A demonstration on a terminal of its own, and what it has written so far."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    process = subprocess.Popen(
        [clone / "bin" / "demo", *flags],
        cwd=clone,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "30"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, _Screen(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


class _Screen:
    """Everything that was written to a terminal."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._seen = b""

    def read(self) -> str:
        try:
            while chunk := os.read(self._fd, 65536):
                self._seen += chunk
        except OSError:  # nothing more for now, or nobody is left to write
            pass
        return self._seen.decode(errors="replace")


def test_without_exit_all_stays_up_until_ctrl_c(clone, shown):
    with on_a_terminal(clone, "--device", "cpu") as (process, screen):
        wait_until(lambda: "Ctrl-C ends both" in screen.read(), "it stays up", ENDS_WITHIN_S)
        assert "where it is" in screen.read(), "the live screen was never drawn"
        url = next(word for word in screen.read().split() if word.endswith("/docs"))
        assert requests.get(url, timeout=30).status_code == 200
        status = [clone / "bin" / "pool-status", "--state-dir", clone / "demo-data" / "state"]
        assert subprocess.run(status, capture_output=True, check=False).returncode == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in screen.read()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=30)


def test_a_port_that_is_taken_is_said_in_one_line(clone):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = demo(clone, "--exit", "--port", port)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"port {port}: Address already in use; choose another with --port" in ended.stderr


def test_weights_that_are_not_there_are_said_in_one_line(clone):
    ended = demo(clone, "--exit", "--device", "cpu", "--model", "/nowhere")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    words = "--model /nowhere is neither a folder with a model_index.json nor in the local cache"
    assert words in ended.stderr


def test_somebody_elses_folder_is_not_touched(clone, tmp_path):
    (tmp_path / "videos").mkdir()
    ended = demo(clone, "--exit", "--data", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr == (
        f"demo: {tmp_path} holds other files; name an empty or a new folder: --data DIR\n"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "videos"]
