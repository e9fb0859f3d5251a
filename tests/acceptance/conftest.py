"""Tiny weights and a server, as the acceptance tests share them."""

import pytest

from inference.wan import tiny
from tests.fakes.running_server import RunningServer


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A folder with tiny random weights of the default family."""
    return tiny.build("wan22-ti2v-5b", tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def server(tmp_path):
    with RunningServer(tmp_path / "server") as running:
        yield running
