"""A small process beside the pool."""

import io
import itertools
import subprocess
from pathlib import Path

import pytest

from pool.supervisor.companion import Companion


class FakeProcess:
    """As much of a Popen as a companion uses."""

    def __init__(self):
        self.pid = 4711
        self.code = None
        self.stdin = io.BytesIO()
        self.killed = False
        self.obeys = True

    def poll(self):
        return self.code

    def kill(self):
        self.killed = True

    def wait(self, timeout=None):
        if not self.obeys and not self.killed:
            raise subprocess.TimeoutExpired("companion", timeout)


class Nursery:
    """Makes processes; `fails` makes none."""

    def __init__(self):
        self.born = []
        self.fails = False

    def __call__(self):
        if self.fails:
            raise OSError(12, "Cannot allocate memory")
        self.born.append(FakeProcess())
        return self.born[-1]


@pytest.fixture
def nursery():
    return Nursery()


@pytest.fixture
def companion(nursery):
    return Companion("the status page", Path("web.out"), nursery)


def test_it_is_started_with_the_pool_and_left_alone(companion, nursery):
    for now in range(100):
        companion.step(float(now))
    assert len(nursery.born) == 1
    assert companion.pid == 4711


def test_one_that_dies_is_replaced_after_a_wait_that_grows(companion, nursery):
    births, now = [], 0.0
    while len(nursery.born) < 6:
        before = len(nursery.born)
        companion.step(now)
        if len(nursery.born) > before:
            births.append(now)
            nursery.born[-1].code = 1
        now += 0.5
    waits = [later - earlier for earlier, later in itertools.pairwise(births)]
    assert waits == sorted(waits)
    assert waits[0] < 3 < 15 < waits[-1]


def test_after_a_long_life_the_wait_is_short_again(companion, nursery):
    companion.step(0.0)
    nursery.born[-1].code = 1
    companion.step(1000.0)
    companion.step(1001.0)
    assert len(nursery.born) == 2


def test_one_that_cannot_be_started_is_tried_again(companion, nursery):
    nursery.fails = True
    companion.step(0.0)
    nursery.fails = False
    companion.step(0.5)
    assert nursery.born == []
    companion.step(1.0)
    assert len(nursery.born) == 1


def test_at_the_end_its_stdin_ends_and_so_does_it(companion, nursery):
    companion.step(0.0)
    process = nursery.born[0]
    companion.close(1.0)
    assert process.stdin.closed
    assert not process.killed
    assert companion.pid is None


def test_one_that_does_not_end_is_killed(companion, nursery):
    companion.step(0.0)
    nursery.born[0].obeys = False
    companion.close(1.0)
    assert nursery.born[0].killed


def test_one_that_never_was_is_closed_too(companion):
    companion.close(1.0)
