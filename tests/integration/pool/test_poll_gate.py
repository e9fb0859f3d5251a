"""The pool's one turn to ask, when the child that has it dies."""

import os
import signal
import subprocess
import sys

from pool.child.poll_gate import PollGate
from tests.fakes.running_pool import ROOT, wait_until

HOLDER = (
    "import sys, time; from pathlib import Path; from pool.child.poll_gate import PollGate;"
    "turn = PollGate(Path(sys.argv[1])).try_enter(); print('held', flush=True); time.sleep(600)"
)


def test_the_turn_of_a_killed_child_is_free_again(tmp_path):
    gate = PollGate(tmp_path / "poll.json")
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "poll.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert gate.try_enter() is None
        os.kill(holder.pid, signal.SIGKILL)
        turn = wait_until(gate.try_enter, "the turn free")
        turn.leave()
