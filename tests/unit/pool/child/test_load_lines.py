"""A load's progress in the log."""

import pytest
from loguru import logger

from pool.child.load import LoadLines


@pytest.fixture
def said():
    found = []
    sink = logger.add(lambda message: found.append(message.record["message"]), level="INFO")
    yield found
    logger.remove(sink)


def test_each_stage_is_said_once_and_never_too_often(said):
    now = [0.0]
    lines = LoadLines(lambda: now[0])
    for second, done in ((0, 0), (1, 0), (2, 1), (6, 1), (7, 1), (8, 2), (9, 3)):
        now[0] = float(second)
        lines(done, 3)
    assert said == ["loading: 0 of 3", "loading: 1 of 3", "loading: 3 of 3"]
