"""The systemd unit and every shell script."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pool.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "configs" / "gpu-worker-pool.service"
SCRIPTS = sorted([*(ROOT / "bin").iterdir(), *(ROOT / "configs").glob("*.sh"), ROOT / ".ci/run"])


@pytest.fixture
def unit():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNIT)
    return parser


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_understands_the_unit(tmp_path):
    """The command's path is this checkout's, since the unit's own is that of an installation."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/gpu-worker-pool", str(ROOT)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_pool_that_another_start_cannot_cure_is_left_alone(unit):
    prevented = {int(code) for code in unit["Service"]["RestartPreventExitStatus"].split()}
    assert prevented == {
        ExitCode.CONFIG,
        ExitCode.NO_DEVICE,
        ExitCode.UNAUTHORIZED,
        ExitCode.ALL_QUARANTINED,
        ExitCode.ALREADY_RUNNING,
    }
    assert int(unit["Service"]["SuccessExitStatus"]) == ExitCode.STOPPED


def test_a_stop_leaves_more_time_than_a_drain_takes(unit):
    [drain_s] = re.findall(r"POOL_DRAIN_TIMEOUT=(\d+)", UNIT.read_text())
    assert int(drain_s) + 10 < int(unit["Service"]["TimeoutStopSec"].removesuffix("min")) * 60
    assert unit["Service"]["KillMode"] == "mixed"


def test_an_env_file_moves_no_folder_of_the_unit(unit):
    """EnvironmentFile= wins over Environment=, whichever stands first."""
    assert "Environment" not in unit["Service"]
    command = unit["Service"]["ExecStart"]
    for name in ("POOL_STATE_DIR", "TEMP_DIR", "LOG_DIR", "HF_HOME"):
        assert re.search(rf"\b{name}=/var/\S+/gpu-worker-pool", command)


def test_pools_of_one_machine_see_each_others_locks(unit):
    assert "PrivateTmp" not in unit["Service"]
    assert unit["Service"]["ProtectSystem"] == "strict"
    assert "/tmp" in unit["Service"]["ReadWritePaths"].split()
    assert unit["Service"]["User"] == "pool"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_no_fault(script):
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck is not installed")
    checked = subprocess.run(
        [shellcheck, "--severity", "style", script], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stop_at_the_first_fault(script):
    assert script.stat().st_mode & 0o111
    assert re.search(r"^set -(eu|euo pipefail|uo pipefail)$", script.read_text(), re.MULTILINE)


def test_the_vast_script_leaves_alone_what_another_start_cannot_cure():
    script = (ROOT / "configs" / "vast-onstart.sh").read_text()
    [codes] = re.findall(r"([\d |]+)\) return", script)
    alone = {int(code) for code in codes.split("|")}
    assert alone == {0, 2, 3, 4, 5, 8, 9}
