"""What a child's log lines become on their way to the supervisor."""

import contextlib

import pytest
from loguru import logger

from pool.child.log import log_to
from pool.child.news import Inbox
from pool.messages import Said
from pool.settings import Settings
from pool.settings.for_child import for_child


@pytest.fixture
def heard(tmp_path):
    """What the supervisor is sent of everything that is logged."""
    inbox = Inbox()
    log_to(
        inbox,
        for_child(
            Settings.model_validate(
                {"vercel_api_url": "https://a.example", "worker_token": "k", "log_dir": tmp_path}
            )
        ),
        "gpu0",
    )
    yield lambda: [
        Said(level=line.level, text=line.text, item_id=line.item_id) for line in inbox.take(0)
    ]
    logger.remove()
    logger.configure(extra={})


def test_a_level_of_a_backends_own_becomes_the_one_below_it(heard):
    with contextlib.suppress(ValueError):  # made already, when the test runs again
        logger.level("METRIC", no=27)
    logger.log("METRIC", "speed 3")
    assert [(said.level, said.text) for said in heard()] == [("SUCCESS", "speed 3")]


def test_a_text_that_no_encoding_knows_reaches_the_supervisor_all_the_same(heard):
    logger.bind(item_id="a").info("the file {} is odd", "caf\udce9")
    (said,) = heard()
    assert said.item_id == "a"
    assert said.line()
