"""Waiting for a call with a deadline. Events, not time, decide in these tests."""

import threading

import pytest

from inference.runway.patience import GivenUp, patiently


def test_the_result_comes_back():
    assert patiently(lambda _: 7, 10) == 7


def test_what_the_call_raises_is_raised():
    def broken(_):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        patiently(broken, 10)


@pytest.mark.parametrize(
    ("total_s", "stop", "grace_s"), [(0, bool, 0), (60, lambda: True, 0)], ids=["late", "stopped"]
)
def test_a_call_that_is_given_up_hears_of_it(total_s, stop, grace_s):
    begun, released, heard = threading.Event(), threading.Event(), []

    def slow(abandoned):
        begun.set()
        released.wait(10)
        heard.append(abandoned())

    with pytest.raises(GivenUp):
        patiently(slow, total_s, stop, grace_s)
    begun.wait(10)
    released.set()
    for thread in threading.enumerate():
        if thread.name == "runway-call":
            thread.join(10)
    assert heard == [True]


def test_a_stop_leaves_the_grace_for_an_answer_that_is_on_its_way():
    stopped = threading.Event()

    def answers_after_the_stop(_):
        stopped.wait(10)
        return "the answer"

    def stop():
        stopped.set()
        return True

    assert patiently(answers_after_the_stop, 60, stop, grace_s=10) == "the answer"
