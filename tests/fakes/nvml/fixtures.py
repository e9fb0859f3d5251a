"""Hosts whose GPUs only NVML believes in."""

import shutil

import pytest

from tests.fakes.nvml import Control, build, cards


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("no gcc to build the fake NVML with")
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def no_driver(tmp_path):
    """The variables that make a process see no driver, whatever this machine has.

    The loader ends its search at a file that is no library.
    """
    (tmp_path / "no-driver").mkdir()
    (tmp_path / "no-driver" / "libnvidia-ml.so.1").touch()
    return {"LD_LIBRARY_PATH": str(tmp_path / "no-driver")}


@pytest.fixture
def gpus(tmp_path):
    return Control(tmp_path / "gpus", cards(2))


@pytest.fixture
def start_on(start, gpus, library, tmp_path):
    """Starts a pool on a host of its own with these two GPUs."""
    (tmp_path / "tmp").mkdir()
    host = {**gpus.environ(library), "TMPDIR": str(tmp_path / "tmp")}

    def pool(*flags, environ=None, **settings):
        merged = {**host, **(environ or {})}
        return start(*flags, environ=merged, **{"device": "cuda", **settings})

    return pool
