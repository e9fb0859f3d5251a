"""What a pool leaves on its host, each kind once, and that a clean host passes."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.checker import (
    MARK,
    Expectations,
    check_leftovers,
    find_secrets,
    find_shown_secrets,
    gather_leftovers,
    marked,
)

WAITS = "import sys; print(1, flush=True); sys.stdin.read()"


@pytest.fixture
def left_running():
    """Starts a process that bears a mark and shows an argument to everybody."""
    processes = []

    def start(mark, argument="nothing"):
        process = subprocess.Popen(
            [sys.executable, "-c", WAITS, argument],
            env={**os.environ, MARK: mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout.readline() == b"1\n"
        return process

    yield start
    for process in processes:
        process.communicate()


def sentences(folder, expect=None, mark="no process bears this"):
    found = check_leftovers(gather_leftovers(mark, folder), expect)
    return [str(violation) for violation in found]


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_clean_host_passes(tmp_path):
    touched(tmp_path / "state" / "status.json")
    assert sentences(tmp_path) == []


def test_a_process_is_found_by_the_runs_mark_alone(tmp_path, left_running):
    left, _others = left_running("this run"), left_running("another run")
    [sentence] = sentences(tmp_path, mark="this run")
    assert sentence.startswith(f"E3: process {left.pid} ({sys.executable} -c ")
    assert sentence.endswith(" still runs")


def test_a_held_lock_is_named(tmp_path):
    path = touched(tmp_path / "state" / "pool.lock")
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sentences(tmp_path) == [f"E3: the lock {path} is still held"]


@pytest.mark.parametrize("name", ["temp/cpu0/photo", "state/undelivered/i.tmp", "state/.status.x"])
def test_a_temporary_file_is_named_unless_it_may_stay(tmp_path, name):
    path = touched(tmp_path / name)
    assert sentences(tmp_path) == [f"E3: the temporary file {path} is left"]
    assert sentences(tmp_path, Expectations(files_may_stay=True)) == []


def test_a_secret_in_a_file_is_caught_and_not_repeated(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/pool.log").write_text("using key s3cr3t-key")
    (tmp_path / "clean.log").write_text("using the key")
    found = find_secrets(["s3cr3t-key", ""], [tmp_path])
    assert [str(violation) for violation in found] == [
        f"E4: {tmp_path / 'logs/pool.log'} holds a key or a token"
    ]


def test_a_secret_on_a_command_line_is_caught_and_not_repeated(left_running):
    shows = left_running("this run", "--key=s3cr3t-key")
    left_running("this run")
    found = find_shown_secrets(["s3cr3t-key", ""], marked("this run"))
    assert [str(violation) for violation in found] == [
        f"E4: the command line of process {shows.pid} holds a key or a token"
    ]


def test_a_process_that_is_gone_shows_nothing():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    known = psutil.Process(gone.pid)
    gone.wait()
    assert find_shown_secrets(["s3cr3t-key"], [known]) == []
