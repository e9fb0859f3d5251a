"""The on-start script of a Vast machine, run with stand-ins for what only root may do there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "configs" / "vast-onstart.sh"

STAND_INS = {
    "runuser": 'shift 3\nexec "$@"',  # runuser -u pool -- command
    "id": "exit 0",
    "useradd": "exit 1",
    "chown": "exit 0",
    "apt-get": 'echo "$*" >>"$POOL_HOME/installed"',
    "gcc": "exit 0",
    "python3": "exit 0",
    "tmux": "exit 0",
    "sleep": "exit 0",
}
TOOLS = ("bash", "cat", "date", "env", "git", "head", "mkdir", "mv", "rm", "sed", "sh")
START_POOL = """#!/bin/sh
echo "$*|$POOL_STATE_DIR|$POOL_DRAIN_TIMEOUT|$WORKER_API_KEY" >>"$HOME/starts"
code=$(head -n 1 "$HOME/codes")
sed -i 1d "$HOME/codes"
exit "$code"
"""


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def git(*arguments, **more):
    subprocess.run(["git", *arguments], check=True, capture_output=True, **more)


@pytest.fixture
def machine(tmp_path):
    """A machine whose project only writes down how it was started."""
    for name, body in STAND_INS.items():
        executable(tmp_path / "stand-ins" / name, f"#!/bin/bash\n{body}\n")
    project = tmp_path / "project"
    executable(project / "bin/install", '#!/bin/sh\necho installed >>"$HOME/installs"\n')
    executable(project / "bin/start-pool", START_POOL)
    git("init", "-q", cwd=project)
    git("add", "-A", cwd=project)
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x", cwd=project)
    (tmp_path / "home").mkdir()
    (tmp_path / "tools").mkdir()
    for name in TOOLS:
        (tmp_path / "tools" / name).symlink_to(shutil.which(name))
    return tmp_path


def script(machine, *arguments, **environ):
    home = machine / "home"
    return subprocess.run(
        [SCRIPT, *arguments],
        env={
            "PATH": f"{machine / 'stand-ins'}:{machine / 'tools'}",
            "POOL_HOME": str(home),
            "POOL_REPOSITORY": f"file://{machine / 'project'}",
            "WORKER_API_KEY": "key-of-the-worker",
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run(machine, *codes, **environ):
    home = machine / "home"
    (home / "codes").write_text("".join(f"{code}\n" for code in codes))
    ended = script(machine, "--in-background", **environ)
    return ended.returncode, (home / "vast-onstart.log").read_text()


def starts(machine):
    return (machine / "home" / "starts").read_text().splitlines()


def test_a_pool_that_crashed_is_started_again_and_one_that_drained_is_not(machine):
    code, log = run(machine, 1, 137, 0)
    assert code == 0
    assert len(starts(machine)) == 3
    assert [line.rpartition(" ")[2] for line in log.splitlines() if "ended with" in line] == [
        "1",
        "137",
        "0",
    ]


@pytest.mark.parametrize("code", [2, 3, 4, 5, 8, 9])
def test_what_another_start_cannot_cure_is_left_alone(machine, code):
    assert run(machine, code)[0] == code
    assert len(starts(machine)) == 1


def test_a_machine_that_has_every_tool_installs_none(machine):
    run(machine, 0)
    assert not (machine / "home" / "installed").exists()


@pytest.mark.parametrize("missing", ["gcc", "tmux", "python3"])
def test_what_is_missing_is_installed_with_what_compiling_needs(machine, missing):
    (machine / "stand-ins" / missing).unlink()
    assert run(machine, 0)[0] == 0
    installed = (machine / "home" / "installed").read_text().split()
    assert {"gcc", "libc6-dev", "python3-dev", "python3-venv", "git", "tmux"} <= set(installed)


def test_python_without_its_headers_is_not_whole(machine):
    """As Ubuntu's own is without python3-dev: it runs, and what compiles against it does not."""
    question = machine / "question.txt"
    body = f'#!/bin/bash\n[ "$1" = -c ] && echo "$2" >{question}; exit 1\n'
    executable(machine / "stand-ins" / "python3", body)
    run(machine, 0)
    assert "python3-dev" in (machine / "home" / "installed").read_text()
    without = "import sysconfig; sysconfig.get_path = lambda _: '/no/such'; "
    for setting, code in (("", 0), (without, 1)):
        asked = [sys.executable, "-c", setting + question.read_text()]
        assert subprocess.run(asked, capture_output=True, check=False).returncode == code


def test_everything_lies_where_it_survives_a_stop(machine):
    run(machine, 0, POOL_CONFIG="configs/other.yaml")
    home = machine / "home"
    assert starts(machine) == [f"--config configs/other.yaml|{home}/state|1780|key-of-the-worker"]
    assert (home / "installs").read_text() == "installed\n"


def test_a_second_start_keeps_the_project_as_it_is(machine):
    run(machine, 0)
    (machine / "home/app/changed").touch()
    run(machine, 0)
    assert (machine / "home/app/changed").exists()
    assert len(starts(machine)) == 2


def test_the_key_is_in_no_log(machine):
    assert "key-of-the-worker" not in run(machine, 1, 0)[1]


def test_a_command_over_ssh_runs_with_the_pools_own_folders_and_drain(machine):
    run(machine, 0)
    (machine / "home" / "codes").write_text("3\n")
    ended = script(machine, "--run", "bin/start-pool", "--check")
    assert ended.returncode == 3
    home = machine / "home"
    assert starts(machine)[-1] == f"--check|{home}/state|1780|key-of-the-worker"


def test_a_clone_that_was_cut_off_is_made_anew(machine):
    (machine / "home" / "app.part" / ".git").mkdir(parents=True)
    assert run(machine, 0)[0] == 0
    assert len(starts(machine)) == 1
    assert not (machine / "home" / "app.part").exists()


def test_what_cannot_be_fetched_is_tried_ten_times_and_said(machine):
    code, log = run(machine, POOL_REPOSITORY="file:///no/such/project")
    assert code == 1
    assert log.count("failed, time") == 10
    assert "failed, time 10 of 10: fetch_project" in log
