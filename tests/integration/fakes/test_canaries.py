"""The search through all that a session wrote finds what is there."""

import subprocess
import sys
import tempfile

import pytest

from tests.fakes.running_pool import ROOT

WRITES_A_KEY = """
from tests.fakes.canary import CANARY

def test_that_passes(tmp_path):
    (tmp_path / "pool.log").write_text(f"the key is {CANARY}")
"""
WRITES_NONE = """
def test_that_passes(tmp_path):
    (tmp_path / "pool.log").write_text("the key is [hidden]")
"""
KEEPS_ONE_ON_PURPOSE = """
from tests.fakes.canary import CANARY

def test_that_passes(tmp_path):
    (tmp_path / "control.json").write_text(CANARY)
"""


@pytest.fixture
def session(tmp_path):
    """Runs a session of one test, whose files do not lie among those of this one; how it ended."""

    def run(test, *flags):
        (tmp_path / "test_inner.py").write_text(test)
        command = [sys.executable, "-m", "pytest", "-p", "tests.checker.canaries", "--rootdir"]
        with tempfile.TemporaryDirectory() as elsewhere:
            return subprocess.run(
                [*command, tmp_path, *flags, "--basetemp", elsewhere, tmp_path / "test_inner.py"],
                cwd=ROOT,
                capture_output=True,
                check=False,
                text=True,
            )

    return run


@pytest.mark.parametrize("flags", [(), ("-n", "1")], ids=["in one process", "in a worker"])
def test_a_session_that_wrote_a_secret_down_fails(session, flags):
    ended = session(WRITES_A_KEY, *flags)
    assert ended.returncode == 1, ended.stdout
    assert "pool.log holds a key or a token" in ended.stdout
    assert "1 passed, 1 error" in ended.stdout


@pytest.mark.parametrize("test", [WRITES_NONE, KEEPS_ONE_ON_PURPOSE])
def test_a_session_that_wrote_none_where_none_belongs_passes(session, test):
    ended = session(test)
    assert ended.returncode == 0, ended.stdout
