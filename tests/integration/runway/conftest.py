"""A fake Runway for each test, and backends that wait for nothing."""

from dataclasses import replace

import pytest
from loguru import logger

from inference.backend import CancelToken
from inference.runway.api import CALL_S
from inference.runway.backend import RunwayBackend
from tests.fakes.quick_clock import QuickClock
from tests.fakes.runway import FakeRunway
from tests.integration.client.conftest import certificate, server_tls  # noqa: F401  # fixtures
from tests.integration.runway.sample import REQUEST, silent


@pytest.fixture
def runway():
    with FakeRunway() as running:
        yield running


@pytest.fixture
def clock():
    return QuickClock()


@pytest.fixture
def backend(runway, clock, tmp_path):
    """backend(call_s, jitter, **options): one child's; those of one test share the journal."""

    def build(call_s=CALL_S, jitter=lambda: 0.0, **options):
        given = {
            "api_key": runway.key,
            "base_url": runway.url,
            "journal_dir": tmp_path / "state",
            **options,
        }
        made = RunwayBackend(given, clock=clock, jitter=jitter, call_s=call_s)
        made.load(silent)
        return made

    return build


@pytest.fixture
def infer(backend):
    """infer(**changes): one lease's inference of the usual request, by a child of its own."""

    def run(made=None, progress=silent, cancel=None, **changes):
        made = made or backend()
        prepared = made.prepare(replace(REQUEST, **changes))
        return made.infer(prepared, progress, cancel or CancelToken())

    return run


@pytest.fixture
def lines():
    """Everything that is logged during the test, at every level."""
    said: list[str] = []
    number = logger.add(lambda message: said.append(str(message)), level=0)
    yield said
    logger.remove(number)
