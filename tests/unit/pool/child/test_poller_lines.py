"""The lines that a reader of a worker's log looks for, and how seldom an idle pool says them."""

import pytest
from loguru import logger

from pool.child.desk import Wish
from pool.child.news import Polled, Turned
from pool.child.poll_gate import PollGate
from pool.child.poller import Asking, Poller
from pool.lease.polling import PollRules


class Silent:
    """A lane that runs nothing, and an inbox that takes nothing."""

    busy = False

    def submit(self, job):
        pass

    def put(self, news):
        pass


@pytest.fixture
def lines():
    """(level, text) of everything that is logged."""
    found = []
    sink = logger.add(
        lambda m: found.append((m.record["level"].name, m.record["message"])), level="DEBUG"
    )
    yield found
    logger.remove(sink)


@pytest.fixture
def poller(tmp_path):
    rules = PollRules(interval_s=1.0, fast_s=1.0, slow_s=1.0, fast_for_s=0.0)
    asking = Asking(None, "worker", 600, rules, lambda provider: True)
    gate = PollGate(tmp_path / "poll.json")
    return Poller(asking, gate, Silent(), Silent(), clock=lambda: 0.0, jitter=lambda: 0.0)


def ask(poller, now, task=None):
    poller.turned(Turned(poller._gate.enter()), now)
    poller.step(now, Wish.NOW)
    poller.answered(Polled(task, None, now, now), now)


class Task:
    inference_provider = None


def test_an_empty_queue_is_said_once_and_then_only_to_whoever_asks_for_everything(poller, lines):
    for number in range(3):
        ask(poller, 10.0 * number)
    assert lines == [
        ("INFO", "[POLLING] Requesting next task..."),
        ("INFO", "[IDLE] No task available"),
        *[("DEBUG", "[POLLING] Requesting next task..."), ("DEBUG", "[IDLE] No task available")]
        * 2,
    ]


def test_after_a_task_it_is_said_again(poller, lines):
    ask(poller, 0.0)
    ask(poller, 10.0, Task())
    ask(poller, 20.0)
    assert [level for level, text in lines if "IDLE" in text] == ["INFO", "INFO"]
