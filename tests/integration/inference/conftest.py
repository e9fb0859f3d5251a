"""Tiny checkpoints and loaded backends, made once for all of these tests."""

from functools import cache
from pathlib import Path

import pytest
import torch

from inference.wan import tiny
from inference.wan.backend import WanBackend
from tests.integration.inference.sample import OPTIONS, make, silent

# The models are tiny, and threads that wait for each other on a busy machine take a hundred times
# as long as one that does everything.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """checkpoint(family): the folder of that family's tiny checkpoint."""

    @cache
    def built(family: str) -> Path:
        return tiny.build(family, tmp_path_factory.mktemp("weights") / family)

    return built


@pytest.fixture(scope="session")
def fresh(checkpoint):
    """fresh(family, **options): a backend that was just loaded."""

    def load(family: str, **options) -> WanBackend:
        backend = WanBackend({"model": str(checkpoint(family))} | OPTIONS | options)
        backend.load(silent)
        return backend

    return load


@pytest.fixture(scope="session")
def reference(fresh):
    """reference(family): the frames that a fresh backend makes of REQUEST."""
    return cache(lambda family: make(fresh(family)))
