"""The Runway image's steps, in a clean environment and as an ordinary user: no torch anywhere."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fakes.bad_server import BadServer, NewTask
from tests.fakes.running_pool import wait_until
from tests.fakes.runway import KEY, FakeRunway

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bin", "client", "configs", "inference", "pool", "requirements-runway.txt")
PHOTO = (ROOT / "tests/photos/cat-rotated.jpg").read_bytes()
COPIED = shutil.ignore_patterns("__pycache__")


def interpreter():
    """A Python that everybody may run: one that is installed below root's home is root's alone."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = [Path(folder) / version for folder in ("/usr/local/bin", "/usr/bin")]
    return next((path for path in system if path.exists()), Path(sys.executable))


@pytest.fixture(scope="module")
def place():
    """A folder that everybody may enter: pytest's own are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="gpu-worker-pool-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def app(place):
    """What the image holds: the copied folders, and the light set installed beside them."""
    folder = place / "app"
    folder.mkdir(mode=0o755)
    for name in PACKAGES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=COPIED)
        else:
            shutil.copy(source, folder / name)
    venv = folder / ".venv"
    subprocess.run([interpreter(), "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin/python", "install", "-q"]
    subprocess.run([*pip, "-r", folder / "requirements-runway.txt"], check=True)
    return folder


def ordinary_user():
    """Popen's arguments for `nobody` where this process is root: the image has its own user."""
    if os.getuid() == 0 and not interpreter().resolve().is_relative_to("/root"):
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
    return {}


def ran(command, **more):
    """The command's end, as an ordinary user."""
    more |= ordinary_user()
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, **more)


@pytest.mark.slow
def test_the_light_set_makes_a_video_without_torch(app, place):
    data = place / "data"
    data.mkdir()
    data.chmod(0o777)
    with BadServer() as server, FakeRunway() as runway:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(data),
            "VERCEL_API_URL": server.url,
            "WORKER_API_KEY": server.key,
            "RUNWAY_API_KEY": KEY,
            "RUNWAY_BASE_URL": runway.url,
            "POOL_STATE_DIR": str(data / "state"),
            "TEMP_DIR": str(data / "temp"),
            "LOG_DIR": str(data / "logs"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        start = [app / "bin/start-pool", "--mode", "runway", "--workers", "2"]
        health = [app / "bin/pool-status", "--health"]
        checked = ran([*start, "--check"], cwd=data, env=environ)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert ran(health, cwd=data, env=environ).returncode == 3
        with subprocess.Popen(start, cwd=data, env=environ, **ordinary_user()) as pool:
            wait_until(lambda: ran(health, cwd=data, env=environ).returncode == 0, "good health")
            item = server.add_task(PHOTO, "the cup steams", NewTask(worker_type="runway"))
            wait_until(lambda: server.item(item).status == "completed", "the video", 60)
            pool.terminate()
            assert pool.wait(30) == 0
    installed = {path.name for path in app.glob(".venv/lib/python3*/site-packages/*")}
    assert not installed & {"torch", "diffusers", "transformers", "numpy"}
