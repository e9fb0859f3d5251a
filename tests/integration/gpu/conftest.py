"""Fake GPUs behind the real binding."""

import os
import shutil

import pytest

from tests.fakes.nvml import Control, build, cards


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("no gcc to build the fake NVML with")
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def control(tmp_path):
    return Control(tmp_path / "gpus", cards(2))


@pytest.fixture
def environ(control, library):
    return {**os.environ, **control.environ(library)}
