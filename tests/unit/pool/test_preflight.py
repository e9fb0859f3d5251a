"""What is checked before any child starts, as far as it needs no model."""

import subprocess

import pytest

from inference.errors import TryLater
from pool.child import preflight as child_preflight
from pool.child.preflight import EveryLine, Question, answer
from pool.commands import preflight as parent_preflight
from pool.commands.preflight import NotNow, preflight
from pool.errors import ConfigError
from pool.settings import Loaded, Settings


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def loaded(**given) -> Loaded:
    required = {"vercel_api_url": "https://a.example", "worker_token": "k", "device": "cpu"}
    return Loaded(Settings.model_validate({**required, **given}), {}, ())


def test_progress_in_a_pipe_is_a_line_now_and_then():
    lines, clock = [], Clock()
    show = EveryLine(lines.append, clock)
    for done in range(100):
        show(done * 10**8, 10**10)
        clock.now += 1.0
    show(10**10, 10**10)
    assert lines[0] == "downloading: 0.00 of 10.00 GB (0%)\n"
    assert lines[1] == "downloading: 3.00 of 10.00 GB (30%)\n"
    assert lines[-1] == "downloading: 10.00 of 10.00 GB (100%)\n"
    assert len(lines) == 5


def test_a_wrong_option_is_a_problem_in_one_line():
    question = Question(
        options={"steps": 0},
        cards={"gpu0": None},
        fetch="missing",
        origins={"wan.steps": "c.yaml:3"},
    )
    findings = answer(question, lambda *_: None)
    assert findings.problem.startswith("c.yaml:3: wan.steps: it must be ")
    assert findings.plans == {}


def test_a_hub_that_stays_out_of_reach_is_no_wrong_setting(monkeypatch):
    def out_of_reach(_wants, _report):
        raise TryLater("someone/model could not be downloaded")

    monkeypatch.setattr(child_preflight, "fetch", out_of_reach)
    question = Question(options={"model": "someone/model"}, cards={"cpu0": None}, fetch="all")
    findings = answer(question, lambda *_: None)
    assert (findings.passing, findings.problem) == (True, "someone/model could not be downloaded")
    said = findings.model_dump_json().encode()
    with pytest.raises(NotNow, match="could not be downloaded"):
        parent_preflight._plans(subprocess.CompletedProcess([], 0, said))


def test_a_model_that_is_not_here_yet_has_no_plan_but_a_sentence():
    question = Question(
        options={"model": "someone/nothing"}, cards={"gpu0": 10**10, "gpu1": None}, fetch="never"
    )
    findings = answer(question, lambda *_: None)
    assert findings.problem is None
    assert set(findings.plans) == {"gpu0", "gpu1"}
    assert "someone/nothing is downloaded at the first start" in findings.plans["gpu0"]


@pytest.mark.parametrize(
    "given",
    [{"backend": "some.module:Class"}, {"worker_type": "runway", "runway_api_key": "k"}],
)
def test_other_backends_have_nothing_to_check(given):
    assert preflight(loaded(**given), (), {}, "missing") == {}


def test_a_checking_process_that_fails_is_said_in_one_line():
    with pytest.raises(ConfigError, match="the checking process ended with 1"):
        preflight(loaded(), (), {"PYTHONPATH": "/no/such/folder"}, "never")
