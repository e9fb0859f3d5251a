"""A Runway for tests: a real HTTP server with every state, every refusal, and nothing to pay.

Its shapes are held to the official SDK's by tests/integration/runway/test_double.py.
"""

from tests.fakes.runway.server import KEY, FakeRunway
from tests.fakes.runway.tasks import Look, failed, working
from tests.fakes.runway.world import Trouble

__all__ = ["KEY", "FakeRunway", "Look", "Trouble", "failed", "working"]
