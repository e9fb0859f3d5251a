"""Small worlds, twenty of them, in which every rule must hold; and a few in which one cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pool.child import loop
from pool.lease import lease, renewal
from pool.lease.job import Job
from pool.lease.moves import ReportCompleted, ReportFailed
from tests.simulation.__main__ import told
from tests.simulation.run import simulate
from tests.simulation.settings import Crowd, Settings

ROOT = Path(__file__).resolve().parents[3]
SMALL = Crowd(tasks=120, faults=30)


@pytest.mark.parametrize("seed", range(1, 21))
def test_every_rule_holds_whatever_goes_wrong(seed):
    result = simulate(Settings.of_seed(seed, SMALL))
    assert not result.violations, "\n".join(told(result))
    assert result.figures.completed + result.figures.failed == SMALL.tasks
    assert result.troubles == SMALL.faults


def test_a_seed_repeats_a_run_exactly_and_another_one_does_not():
    crowd = Crowd(tasks=60, faults=15)
    runs = [simulate(Settings.of_seed(seed, crowd)).history.digest() for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


def test_a_seed_repeats_a_run_in_any_process():
    command = [sys.executable, "-m", "tests.simulation", "--tasks", "40", "--faults", "10"]
    outputs = {
        subprocess.run(
            [*command, "--seed", "3", "--digest", "--no-racing"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for hash_seed in ("0", "4711")
    }
    assert len(outputs) == 1
    assert outputs.pop().startswith("digest ")


def _failed_for_our_own_trouble(job, outcome, fault, now):
    if isinstance(outcome.move, ReportCompleted):
        job._follow_with(ReportFailed("The network failed."))
    else:
        _TRY_AGAIN(job, outcome, fault, now)


_TRY_AGAIN = Job._try_again
MISTAKES = {
    "any two 404s are a loss": (lease, "MISS_GAP_S", 0.0, "L3"),
    "no 403 is a loss": (lease.Lease, "refused", lambda held: held, "L5"),
    "no margin": (lease, "margin_s", lambda length_s: 0.0, "L5"),
    "confirmed too early": (renewal, "CONFIRM_AFTER_S", 0.0, "L2"),
    "a hang is renewed": (Job, "stalled", lambda job, now: False, "L4"),
    "failed after completed": (Job, "_try_again", _failed_for_our_own_trouble, "R2"),
    "poison is tried for ever": (loop, "_POISON_AFTER", 1000, "R5"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_rules_of_the_lease_is_found(mistake, monkeypatch):
    owner, name, value, rule = MISTAKES[mistake]
    monkeypatch.setattr(owner, name, value)
    crowd = Crowd(tasks=100, faults=100, good_share=0.9)
    worlds = (simulate(Settings.of_seed(seed, crowd)) for seed in range(1, 25))
    found = (violation for world in worlds for violation in world.violations)
    assert any(violation.rule == rule for violation in found)


def test_what_is_told_of_a_violation_lets_a_person_replay_it(monkeypatch):
    monkeypatch.setattr(renewal, "CONFIRM_AFTER_S", 0.0)
    lines = list(told(simulate(Settings.of_seed(2, Crowd(tasks=20, faults=0)))))
    assert any("L2 at" in line for line in lines)
    assert any("the whole history of item-" in line for line in lines)
    assert lines[-1].strip().startswith("replay: bin/simulate --seed 2 --tasks 20 --faults 0")


def test_of_two_that_are_handed_one_task_the_loser_stops_before_any_gpu_work():
    figures = simulate(Settings.racing(1, 500)).figures
    assert figures.losers > 10
    assert figures.losers_stopped == figures.losers


def test_eight_children_lease_eight_tasks_with_eight_questions():
    crowd = Crowd(pools=1, children=8, tasks=8, faults=0, good_share=1.0)
    events = simulate(Settings(1, crowd)).history.events
    last_at = max(event.at for event in events if event.kind == "leased")
    asked = [e for e in events if e.kind == "sent" and e.what == "next-task" and e.at <= last_at]
    assert len(asked) == 8


@pytest.mark.parametrize("children", [1, 8])
def test_an_idle_pool_asks_once_in_an_interval_however_many_children_it_has(children):
    crowd = Crowd(pools=1, children=children, tasks=1, faults=0, good_share=1.0)
    result = simulate(Settings(1, crowd))
    intervals = result.virtual_s / result.settings.poll_s
    assert 0.8 * intervals < result.figures.polls < intervals + 2
