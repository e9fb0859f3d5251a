"""What the Runway kills read from events, and which purchases they object to."""

from collections import Counter

import pytest

from inference.runway.attempts import State
from tests.chaos.runway_kills.purchases import Purchase, bought_in_vain, paid_too_often
from tests.chaos.runway_kills.strikes import PHASES, Work, at_work, foremost, phase
from tests.checker import Event

WORKER = "buyer-cpu0-aaaa"


def events(*told):
    return [Event(float(t), 7, "cpu0", WORKER, item, kind) for t, (item, kind) in enumerate(told)]


@pytest.mark.parametrize("end", ["completed", "failed", "lost", "abandoned", "released", "died"])
def test_a_child_is_at_work_from_its_lease_to_its_end(end):
    begun = [("a", "leased"), ("a", "confirmed"), ("b", "leased")]
    assert at_work(events(*begun)) == [Work(7, WORKER, {"a": "confirmed", "b": "leased"})]
    ended = events(*begun, ("a", end))
    assert at_work(ended) == [Work(7, WORKER, {"b": "leased"})]
    assert at_work([*ended, *events(("b", end))]) == []


def test_the_foremost_of_two_items_is_the_one_that_is_furthest():
    assert foremost(Work(7, WORKER, {"a": "confirmed", "b": "infer_started"})) == "b"


@pytest.mark.parametrize(
    ("last", "attempt", "words"),
    [
        ("leased", None, "before the lease was confirmed"),
        ("confirmed", None, "before the create"),
        ("infer_started", None, "before the create"),
        ("infer_started", State.INTENT, "during the create"),
        ("infer_started", State.LIVE, "while Runway worked"),
        ("infer_ended", State.LIVE, "while the video was fetched"),
        ("kept", State.DONE, "before the video was stored"),
        ("stored", State.DONE, "before the report"),
    ],
)
def test_a_kill_is_counted_by_how_far_the_purchase_was(last, attempt, words):
    assert phase(Work(7, WORKER, {"a": last}), "a", attempt) == words
    assert words in PHASES


def bought(item="a", lease="w#1", state=State.LIVE, task="t1"):
    return Purchase(item, lease, state, task, 0)


LOST = bought(state=State.INTENT, task=None)
GOOD = {
    "one lease, one task": ([bought()], {"t1": "a"}, 1),
    "an intent that never left": ([LOST, bought(lease="w#2")], {"t1": "a"}, 2),
    "an answer that died": ([LOST, bought(lease="w#2", task="t2")], {"t1": "a", "t2": "a"}, 2),
    "cancelled, then made": (
        [bought(state=State.GONE), bought(lease="w#2", task="t2")],
        {"t1": "a", "t2": "a"},
        2,
    ),
    "refused, then made": ([bought(state=State.UNSENT, task=None), bought()], {"t1": "a"}, 1),
}
BAD = {
    "two in one lease": ([LOST, bought()], {"t1": "a", "t2": "a"}, 2),
    "again though known": (
        [bought(), bought(lease="w#2", task="t2")],
        {"t1": "a", "t2": "a"},
        2,
    ),
    "without an intent": ([bought()], {"t1": "a", "t2": "a"}, 2),
    "more often than leased": ([LOST, bought(lease="w#2")], {"t1": "a", "t2": "a"}, 1),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_purchase_that_may_be_is_not_objected_to(case):
    purchases, sold, leases = GOOD[case]
    assert list(paid_too_often(purchases, sold, Counter(a=leases))) == []


@pytest.mark.parametrize("case", BAD)
def test_a_purchase_too_many_is_found(case):
    purchases, sold, leases = BAD[case]
    assert list(paid_too_often(purchases, sold, Counter(a=leases)))


def test_what_was_bought_in_vain_is_every_task_beyond_an_item_s_first():
    assert bought_in_vain({"t1": "a", "t2": "a", "t3": "b"}) == 1
