"""What the pool knows of its queue, as others read it."""

import pytest

from pool.child.poll_gate import PollGate
from pool.lease.polling import Answer, PollRules
from pool.state_dir import StateDir
from pool.status.queue import Queue, read_queue

RULES = PollRules(interval_s=10, fast_s=10, slow_s=10, fast_for_s=0)


@pytest.fixture
def state_dir(tmp_path):
    return StateDir(tmp_path)


def answered(state_dir, *answers):
    """As if a child had asked at the moments 100, 101, …"""
    gate = PollGate(state_dir.poll_gate)
    for number, answer in enumerate(answers):
        with gate.enter() as turn:
            turn.put(turn.state.after(answer, 100.0 + number, RULES, jitter=0.0))


def test_an_empty_queue_is_empty_since_the_first_empty_answer(state_dir):
    answered(state_dir, Answer.TASK, Answer.EMPTY, Answer.EMPTY)
    assert read_queue(state_dir, 161.0) == Queue(60.0, None, 0)


def test_a_task_ends_the_emptiness(state_dir):
    answered(state_dir, Answer.EMPTY, Answer.TASK)
    assert read_queue(state_dir, 161.0) == Queue(None, None, 0)


def test_a_key_is_refused_since_the_first_refusal_until_an_answer_comes(state_dir):
    answered(state_dir, Answer.UNAUTHORIZED, Answer.FAILED, Answer.UNAUTHORIZED)
    assert read_queue(state_dir, 160.0) == Queue(None, 60.0, 3)
    for answer in (Answer.EMPTY, Answer.TASK, Answer.NOT_OURS):
        answered(state_dir, Answer.UNAUTHORIZED, answer)
        assert read_queue(state_dir, 160.0).refused_for_s is None


def test_before_the_first_question_nothing_is_known(state_dir):
    assert read_queue(state_dir, 0.0) is None


@pytest.mark.parametrize("content", ["", "{", "null", '{"boot": "another"}', '{"boot": 1, "x": 2}'])
def test_a_torn_file_or_that_of_another_boot_says_nothing(state_dir, content):
    state_dir.poll_gate.write_text(content)
    assert read_queue(state_dir, 0.0) is None
