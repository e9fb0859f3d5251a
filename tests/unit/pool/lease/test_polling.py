import pytest

from pool.lease.polling import UNAUTHORIZED_WAIT_S, Answer, PollRules, PollState

RULES = PollRules(interval_s=10, fast_s=10, slow_s=10, fast_for_s=1800)
ADAPTIVE = PollRules(interval_s=10, fast_s=2, slow_s=60, fast_for_s=300)


def after(answer, now=100.0, state=None, rules=RULES, **more):
    return (state or PollState()).after(answer, now, rules, jitter=0.0, **more)


def test_a_found_task_lets_the_next_child_ask_at_once():
    assert after(Answer.TASK).next_at == 100


def test_an_empty_queue_is_asked_once_per_interval():
    assert after(Answer.EMPTY).next_at == 110


def test_jitter_only_ever_lengthens_the_wait_and_by_little():
    state = PollState().after(Answer.EMPTY, 100.0, RULES, jitter=0.999)
    assert 110 <= state.next_at <= 110.2


def test_a_task_of_the_other_kind_is_not_asked_for_again_at_once():
    assert after(Answer.NOT_OURS).next_at == 110


@pytest.mark.parametrize(("failures", "wait_s"), [(0, 1), (1, 2), (2, 4), (20, 60)])
def test_failures_back_off(failures, wait_s):
    state = after(Answer.FAILED, state=PollState(failures=failures))
    assert state.next_at == 100 + wait_s
    assert state.failures == failures + 1


def test_retry_after_is_honoured():
    assert after(Answer.FAILED, retry_after_s=30).next_at >= 130


def test_success_forgets_the_failures():
    assert after(Answer.EMPTY, state=PollState(failures=5)).failures == 0
    assert after(Answer.TASK, state=PollState(failures=5)).failures == 0


def test_a_refused_key_is_tried_seldom():
    assert after(Answer.UNAUTHORIZED).next_at == 100 + UNAUTHORIZED_WAIT_S


def test_adaptive_polling_is_fast_after_a_task_and_slow_later():
    found = after(Answer.TASK, rules=ADAPTIVE)
    assert after(Answer.EMPTY, now=200, state=found, rules=ADAPTIVE).next_at == 202
    assert after(Answer.EMPTY, now=500, state=found, rules=ADAPTIVE).next_at == 560


def test_it_is_known_since_when_the_queue_is_empty():
    first = after(Answer.EMPTY, now=100)
    assert after(Answer.EMPTY, now=110, state=first).empty_since == 100
    assert after(Answer.TASK, now=120, state=first).empty_since is None
