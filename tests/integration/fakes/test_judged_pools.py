"""A run that breaks rules on purpose: every kind of them is found when its pools have ended."""

import os
import subprocess
import sys
import time

import pytest

from inference.runway.journal import Journal, Order
from inference.runway.spending import Caps
from tests.checker import MARK
from tests.checker.judged_pools import JudgedPools
from tests.fakes.bad_server import BadServer, Setup
from tests.fakes.running_pool import ROOT
from tests.fakes.runway import FakeRunway

HERE = "tests/integration/fakes/test_judged_pools.py"
STARTS_THEM = {
    "tests/checker/judged_pools.py",
    "tests/chaos/storm/pools.py",  # judged by tests/chaos/storm/judgement.py
    "tests/benchmarks/pool_field.py",
    "tests/benchmarks/reliability.py",
    "tests/benchmarks/runway_memory.py",
    HERE,
}


@pytest.fixture
def server():
    """A server whose key may stand in a file of this test."""
    with BadServer(Setup(key="a-key-without-a-canary")) as running:
        yield running


def test_what_a_run_did_and_left_is_held_against_it(server, add, tmp_path):
    refused = add("refuse")
    pools = JudgedPools(tmp_path, server.url, server.key, server)
    pool = pools.start("--max-tasks", "1")
    assert pool.wait() == 0
    never_taken = add()
    (pool.folder / "temp" / "half-a-photo").write_bytes(b"x")
    (pool.folder / "notes.txt").write_text(f"the key is {server.key}")
    left = subprocess.Popen(
        [sys.executable, "-c", "input()", server.key],
        env={**os.environ, MARK: pools.mark},
        stdin=subprocess.PIPE,
    )
    said = [str(violation).partition("\n")[0] for violation in pools.end()]
    left.communicate(b"\n")
    words = [
        f"R3: {refused} is a good task and was reported failed",
        f"E1: {never_taken} never ended: it is pending",
        f"E3: process {left.pid} (",
        f"E3: the temporary file {pool.folder / 'temp' / 'half-a-photo'} is left",
        f"E4: the command line of process {left.pid} holds a key or a token",
        f"E4: {pool.folder / 'notes.txt'} holds a key or a token",
    ]
    assert [line.startswith(word) for line, word in zip(said, words, strict=True)] == [True] * 6


def test_what_a_run_bought_is_held_against_it(server, tmp_path):
    pools = JudgedPools(tmp_path, server.url, server.key, server)
    pool = pools.start("--dry-run")
    assert pool.wait() == 0
    journal = Journal(pool.folder / "state" / "runway", Caps(), time.time)
    journal.create()
    journal.begin(Order("an item", "a lease", "its photo", "a model", usd=0.25))
    assert list(map(str, pools.end())) == ["P1: a pool bought where nobody looks"]
    with FakeRunway() as runway:
        pools.buy_from(runway)
        assert pools.end() == []
        journal.begin(Order("another item", "a lease", "its photo", "a model", usd=0.25))
        twice = "P1: 2 paid creates were begun within the lease a lease"
        assert list(map(str, pools.end())) == [twice]


def test_no_test_starts_a_pool_that_nobody_judges():
    starts = [path for path in (ROOT / "tests").rglob("*.py") if "RunningPool(" in path.read_text()]
    assert {str(path.relative_to(ROOT)) for path in starts} == STARTS_THEM
