"""A GPU for one file of tests at a time: they fill its memory, and they measure it."""

import fcntl
import tempfile
from pathlib import Path

import pytest

LOCK = Path(tempfile.gettempdir()) / "tests-on-the-gpu.lock"


@pytest.fixture(scope="module")
def gpu_alone():
    """Holds the GPUs against other files, whichever of pytest's workers runs them."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
