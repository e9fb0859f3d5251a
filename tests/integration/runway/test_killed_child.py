"""A child that is killed at each moment that matters, and the child that comes after it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.bad_server.faults import Delay
from tests.fakes.runway import Look

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def child(runway, tmp_path):
    """child(lease): a process at work on the item."""
    started = []

    def start(lease_id):
        arguments = [runway.url, runway.key, tmp_path / "state", tmp_path / "video.mp4", lease_id]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.runway.victim", *map(str, arguments)],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("endpoint", "kind", "creates"),
    [
        ("create", Delay(60), 2),
        ("create", Delay(60, after_effect=True), 2),
        ("look", Delay(60), 1),
        ("download", Delay(60), 1),
    ],
    ids=["before-the-create", "after-the-create", "while-it-runs", "while-it-is-fetched"],
)
def test_the_next_lease_brings_the_item_home(runway, child, tmp_path, endpoint, kind, creates):
    runway.trouble(endpoint, kind)
    runway.usual_script((Look("RUNNING", 0.5),) * 2 + (Look("SUCCEEDED"),))
    first = child("w#1")
    assert runway.wait_for(lambda: len(runway.asked(endpoint)) == 1)
    first.kill()
    first.wait()
    assert child("w#2").wait(30) == 0
    assert (tmp_path / "video.mp4").stat().st_size > 1000
    assert len(runway.asked("create")) == creates


def test_a_lease_that_outlives_its_child_pays_nothing_more(runway, child):
    runway.trouble("create", Delay(60, after_effect=True))
    first = child("w#1")
    assert runway.wait_for(lambda: len(runway.tasks) == 1)
    first.kill()
    first.wait()
    assert child("w#1").wait(30) == 1
    assert len(runway.asked("create")) == 1
