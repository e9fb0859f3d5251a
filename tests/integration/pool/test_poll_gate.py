"""The pool's one turn to ask, when the child that has it dies or stands still."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pool.child.poll_gate import PollGate
from tests.fakes.running_pool import ROOT, wait_until

CHILD = (
    "import sys, time; from pathlib import Path; from pool.child.poll_gate import PollGate;"
    "print('here', flush=True);"
    "turn = PollGate(Path(sys.argv[1])).enter(); print('held', flush=True); time.sleep(600)"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "poll.json"


@pytest.fixture
def child(path):
    """Starts a process that takes the turn, or stands in line for it; all are gone at the end."""
    started = []

    def start():
        command = [sys.executable, "-c", CHILD, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        started.append(process)
        assert process.stdout.readline() == b"here\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def in_line(process):
    return f"-> FLOCK  ADVISORY  WRITE {process.pid}" in Path("/proc/locks").read_text()


def test_the_turn_of_a_killed_child_goes_to_whoever_stands_in_line(child, path):
    holder = child()
    assert holder.stdout.readline() == b"held\n"
    with ThreadPoolExecutor(1) as waiting:
        turn = waiting.submit(PollGate(path).enter)
        os.kill(holder.pid, signal.SIGKILL)
        turn.result(timeout=30).leave()


def test_a_child_that_stands_still_in_line_keeps_nobody_behind_it_waiting(child, path):
    with PollGate(path).enter():
        still = child()
        wait_until(lambda: in_line(still), "it stands in line")
        os.kill(still.pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(still.pid).status() == "stopped", "it stands still")
        behind = child()
        wait_until(lambda: in_line(behind), "another one stands behind it")
    assert behind.stdout.readline() == b"held\n"
    behind.kill()
    os.kill(still.pid, signal.SIGCONT)
    assert still.stdout.readline() == b"held\n"
