"""`bin/runway-smoke` against the fake Runway."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fakes.runway import Look
from tests.integration.runway.sample import PHOTO

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def smoke(runway, tmp_path):
    """smoke(*flags, answer, environ): the finished command, run in a folder of its own."""

    def start(*flags, environ=None):
        environ = {"RUNWAY_API_KEY": runway.key} if environ is None else environ
        return subprocess.Popen(
            [ROOT / "bin" / "runway-smoke", PHOTO, "--look-every", "0.05", *flags],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "RUNWAY_BASE_URL": runway.url, **environ},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(*flags, answer="", environ=None):
        with start(*flags, environ=environ) as process:
            _, said = process.communicate(answer, timeout=60)
        return process.returncode, said

    run.start = start
    return run


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
