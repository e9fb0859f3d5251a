"""Standard streams that are closed, gone or full: a process works on without them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.running_pool import ROOT

PRINTS = """
import os, sys
from pool.standard_streams import secure_standard_streams
secure_standard_streams()
fd = os.open(os.devnull, os.O_RDONLY)
print("빛" * 100_000)
print("words", file=sys.stderr, flush=True)
os._exit(0 if fd > 2 else 1)
"""


def run(**streams):
    process = [sys.executable, "-c", PRINTS]
    return subprocess.run(process, cwd=ROOT, check=False, timeout=30, **streams).returncode


def test_a_stream_that_was_closed_is_nowhere_and_its_number_is_no_files():
    def close():
        for fd in (0, 1, 2):
            os.close(fd)

    assert run(preexec_fn=close) == 0


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_disk_with_no_room_for_words_ends_nothing(name):
    with Path("/dev/full").open("wb") as full:
        assert run(**{"stdout": subprocess.DEVNULL, name: full}) == 0


def test_a_reader_that_left_ends_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    assert run(stdout=writer, stderr=writer) == 0
    os.close(writer)


def test_what_is_written_arrives():
    process = [sys.executable, "-c", PRINTS]
    done = subprocess.run(process, cwd=ROOT, check=True, capture_output=True, timeout=30)
    assert done.stdout.decode() == "빛" * 100_000 + "\n"
    assert done.stderr == b"words\n"
