"""Which purchases are objected to, and which are not."""

from collections import Counter

import pytest

from inference.runway.attempts import State
from tests.checker.purchases import Purchase, bought_in_vain, paid_too_often


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
