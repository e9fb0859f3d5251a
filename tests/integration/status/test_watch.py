"""`bin/pool-status` on a terminal and in a pipe, once and again and again."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

from tests.fakes.running_pool import ROOT, wait_until
from tests.unit.pool.status.sample import slot, status

COMMAND = ROOT / "bin" / "pool-status"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A command on a terminal of so many columns. Use it in a `with` block."""

    def __init__(self, columns, *arguments, **environ):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environ},
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self.raw = ""

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def read(self):
        """Everything that was written so far."""
        try:
            while chunk := os.read(self._ours, 65_536):
                self.raw += chunk.decode(errors="replace")
        except (BlockingIOError, OSError):
            pass  # nothing more for now; at the command's end a terminal gives EIO
        return self.raw

    def wait(self):
        """The exit code, once everything is read."""
        code = self.process.wait(30)
        self.read()
        return code

    @property
    def lines(self):
        return [ESCAPES.sub("", line).rstrip() for line in self.raw.splitlines()]


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_the_table_fits_the_terminal(pool, columns):
    with Terminal(columns, "--state-dir", str(pool.state_dir.path)) as terminal:
        assert terminal.wait() == 1
        assert max(map(len, terminal.lines)) <= columns
        assert "\x1b[3" in terminal.raw
        assert any(line.startswith("gpu5") and "quarantined" in line for line in terminal.lines)


def test_no_color_means_none(pool):
    with Terminal(80, "--state-dir", str(pool.state_dir.path), NO_COLOR="1") as terminal:
        terminal.wait()
        assert not re.search(r"\x1b\[(\d+;)*3\d", terminal.raw)


def test_watching_redraws_in_place_until_it_is_told_to_stop(pool):
    with Terminal(80, "--watch", "--state-dir", str(pool.state_dir.path)) as terminal:
        wait_until(lambda: "gpu7" in terminal.read(), "the table")
        pool.show(status(slot("gpu9", "busy"), state="draining"))
        wait_until(lambda: "gpu9" in terminal.read(), "the new table")
        assert terminal.raw.startswith("\x1b[?1049h"), "a screen of its own, given back at the end"
        assert "\x1b[2J" not in terminal.raw.split("gpu7", 1)[1], "clearing the screen flickers"
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 0
        assert "\x1b[?1049l" in terminal.raw
        assert "gpu9" in terminal.raw.rpartition("\x1b[?1049l")[2]


def piped(pool, *arguments):
    return subprocess.Popen(
        [COMMAND, "--state-dir", pool.state_dir.path, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "COLUMNS"},
    )


def test_in_a_pipe_a_slot_is_one_plain_line(pool):
    with piped(pool) as process:
        text = process.stdout.read()
    assert "\x1b" not in text
    [gpu0] = [line for line in text.splitlines() if line.startswith("gpu0 ")]
    assert "NVIDIA H200" in gpu0
    assert "infer 7%" in gpu0
    assert "█" not in text


def test_watching_in_a_pipe_prints_a_line_for_each_change(pool):
    with piped(pool, "--watch") as process:
        assert "5 of 8 slots work" in process.stdout.readline()
        pool.show(status(slot("gpu0", "busy")))
        assert process.stdout.readline().endswith("Z 1 of 1 slot works\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_watching_as_json_prints_an_object_a_line(pool):
    with piped(pool, "--watch", "--json") as process:
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        assert len(first["slots"]) == len(second["slots"]) == 8
        assert first["totals"]["videos"] > 0
        process.kill()


def test_the_totals_cost_no_second(pool):
    """With a log of tasks as long as it gets."""
    for number in range(3000):
        pool.end_lease(3000 - number, "gpu0", infer=1.0)
    began = time.monotonic()
    with piped(pool, "--json") as process:
        assert json.loads(process.stdout.read())["totals"]["videos"] > 3000
    assert time.monotonic() - began < 10
