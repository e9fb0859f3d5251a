"""`bin/runway-smoke` against the fake Runway."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fakes.runway import Look
from tests.integration.runway.sample import PHOTO

ROOT = Path(__file__).resolve().parents[3]
AT_A_TERMINAL = ("env", "--default-signal=HUP")
"""Whatever started these tests may ignore hangups, which whatever they start would inherit."""


@pytest.fixture
def smoke(runway, tmp_path):
    """smoke(*flags, answer, environ): the finished command, run in a folder of its own."""

    started = []

    def start(*flags, environ=None, before=AT_A_TERMINAL):
        environ = {"RUNWAY_API_KEY": runway.key} if environ is None else environ
        process = subprocess.Popen(
            [*before, ROOT / "bin" / "runway-smoke", PHOTO, "--look-every", "0.05", *flags],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "RUNWAY_BASE_URL": runway.url, **environ},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    def run(*flags, answer="", environ=None):
        with start(*flags, environ=environ) as process:
            _, said = process.communicate(answer, timeout=60)
        return process.returncode, said

    run.start = start
    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_it_makes_one_checked_video_after_a_yes(smoke, runway, tmp_path):
    runway.usual_script((Look("SUCCEEDED"),))
    code, said = smoke(answer="y\n")
    assert code == 0, said
    assert "5 s by gen4_turbo, 1104:832. This costs about $0.25. Go on? [y/N]" in said
    assert runway.tasks[0].task_id in said
    assert (tmp_path / "runway-smoke.mp4").stat().st_size > 1000
    assert [secret for secret in runway.secrets() if secret in said] == []


@pytest.mark.parametrize("answer", ["\n", "n\n", ""])
def test_without_a_yes_nothing_is_paid(smoke, runway, answer):
    code, said = smoke(answer=answer)
    assert code == 1
    assert "nothing was paid" in said
    assert runway.asked("create") == []


def test_yes_may_be_said_before(smoke, runway, tmp_path):
    runway.usual_script((Look("SUCCEEDED"),))
    flags = ["--yes", "--model", "gen4.5_turbo", "--frames", "48", "--output", "other.mp4"]
    code, said = smoke(*flags)
    assert code == 0, said
    assert (runway.bodies[0]["model"], runway.bodies[0]["duration"]) == ("gen4.5", 2)
    assert (tmp_path / "other.mp4").exists()


def test_the_key_may_stand_in_dotenv(smoke, runway, tmp_path):
    runway.usual_script((Look("SUCCEEDED"),))
    (tmp_path / ".env").write_text(f"RUNWAYML_API_SECRET={runway.key}\n")
    code, said = smoke("--yes", environ={})
    assert code == 0, said


@pytest.mark.parametrize(
    ("environ", "flags", "words"),
    [
        ({}, [], "no key: set RUNWAY_API_KEY"),
        ({"RUNWAY_API_KEY": "key_wrong"}, [], "Runway refuses the key (401)"),
        (
            None,
            ["--model", "gen4-turbo"],
            "no such model as 'gen4-turbo'; the nearest known one is gen4_turbo",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(smoke, environ, flags, words):
    code, said = smoke("--yes", *flags, environ=environ)
    assert code == 2
    assert words in said
    assert "Traceback" not in said


def test_ctrl_c_cancels_the_task_at_runway(smoke, runway):
    runway.usual_script((Look("RUNNING", 0.5),))
    process = smoke.start("--yes")
    assert runway.wait_for(lambda: len(runway.asked("look")) > 0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "cancelled, at Runway too" in said
    assert runway.tasks[0].cancelled_from == "RUNNING"


@pytest.fixture
def interrupted(smoke, runway):
    """interrupted(signal): what the command said that was ended so while its task ran."""

    def run(number):
        runway.usual_script((Look("RUNNING", 0.5),))
        process = smoke.start("--yes")
        assert runway.wait_for(lambda: len(runway.asked("look")) > 0)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert process.returncode != 0
        assert runway.tasks[0].cancelled_from is None
        runway.tasks[0].script.append(Look("SUCCEEDED"))
        return said

    return run


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda n: n.name)
def test_a_lost_terminal_leaves_the_paid_task_and_says_its_id(interrupted, runway, number):
    said = interrupted(number)
    assert f"stopped; Runway task {runway.tasks[0].task_id} goes on" in said


@pytest.mark.parametrize(
    "number", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name
)
def test_the_same_command_takes_up_what_was_paid(interrupted, smoke, runway, tmp_path, number):
    interrupted(number)
    code, said = smoke(answer="y\n")
    assert code == 0, said
    assert f"Runway task {runway.tasks[0].task_id} was paid for it" in said
    assert (tmp_path / "runway-smoke.mp4").exists()
    assert len(runway.asked("create")) == 1


def test_a_task_that_is_gone_is_not_replaced_without_a_yes(interrupted, smoke, runway):
    interrupted(signal.SIGTERM)
    runway.world.tasks.remove(runway.tasks[0].task_id)
    code, said = smoke(answer="n\n")
    assert code == 1
    assert "only if that is gone, a new one costs about $0.25. Go on?" in said
    assert len(runway.asked("create")) == 1


def test_another_prompt_is_another_video(smoke, runway):
    runway.usual_script((Look("SUCCEEDED"),))
    for prompt in ("the rain falls", "the sun rises"):
        code, said = smoke("--yes", "--prompt", prompt)
        assert code == 0, said
    assert len(runway.tasks) == 2


def test_what_was_paid_is_noted_in_the_state_folder_that_is_named(smoke, runway, tmp_path):
    runway.usual_script((Look("SUCCEEDED"),))
    environ = {"RUNWAY_API_KEY": runway.key, "POOL_STATE_DIR": "by-environment"}
    for flags in ([], ["--state-dir", "by-flag"]):
        code, said = smoke("--yes", *flags, environ=environ)
        assert code == 0, said
    journals = {path.parent.parent.name for path in tmp_path.rglob("runway.sqlite3")}
    assert journals == {"by-environment", "by-flag"}


def test_a_hangup_that_nohup_ignores_stays_ignored(smoke, runway):
    runway.usual_script((Look("RUNNING", 0.5),))
    process = smoke.start("--yes", before=["nohup"])
    assert runway.wait_for(lambda: len(runway.asked("look")) > 0)
    process.send_signal(signal.SIGHUP)
    looks = len(runway.asked("look"))
    assert runway.wait_for(lambda: len(runway.asked("look")) > looks + 3)
    runway.tasks[0].script.append(Look("SUCCEEDED"))
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
