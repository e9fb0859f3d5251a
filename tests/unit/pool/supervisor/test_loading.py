"""How many children may load at once: what the host has left, what a load was seen to take."""

import pytest

from pool.supervisor.loading import Loads

GB = 10**9
GUESS = 80 * GB


def measured(need_gb):
    """After one load that took so much."""
    return Loads(GUESS).seen({1: int(need_gb * GB)}, {1}).seen({}, {1})


def test_one_child_always_loads_whatever_is_left():
    assert Loads(GUESS).why_wait(0) is None
    assert measured(50).why_wait(0) is None


def test_before_a_load_was_seen_the_guess_counts():
    first = Loads(GUESS).one_more()
    assert "until the first child has loaded" in first.why_wait(100 * GB)
    assert first.why_wait(170 * GB) is None


@pytest.mark.parametrize(
    ("available_gb", "loading", "waits"),
    [
        (100, 7, False),
        (30, 1, False),
        (30, 2, True),
        (20, 1, True),
        (21, 1, False),
    ],
)
def test_loads_go_on_beside_each_other_as_far_as_the_memory_reaches(available_gb, loading, waits):
    loads = measured(10)
    for _ in range(loading):
        loads = loads.one_more()
    assert (loads.why_wait(available_gb * GB) is not None) is waits


def test_what_a_child_holds_already_is_not_counted_twice():
    loads = measured(10).seen({2: 9 * GB}, {1, 2})
    assert loads.why_wait(12 * GB) is None
    assert loads.why_wait(11 * GB) is not None


def test_a_child_that_holds_more_than_was_expected_gives_nothing_back_for_it():
    loads = measured(10).seen({2: 15 * GB}, {1, 2})
    assert loads.why_wait(11 * GB) is None
    assert loads.why_wait(10 * GB) is not None


def test_the_most_that_was_seen_of_a_load_is_what_a_load_takes():
    loads = Loads(GUESS)
    for held_gb in (1, 12, 3):
        loads = loads.seen({1: held_gb * GB}, {1})
    assert loads.seen({}, {1}).need_bytes == 12 * GB


def test_a_child_that_died_early_does_not_make_loads_look_small():
    assert Loads(GUESS).seen({1: GB}, {1}).seen({}, set()).need_bytes is None


def test_a_child_that_died_of_its_size_makes_loads_look_larger():
    assert measured(10).seen({2: 30 * GB}, {1, 2}).seen({}, {1}).need_bytes == 30 * GB


def test_the_wait_is_explained_in_gigabytes():
    words = measured(10).seen({2: 4 * GB}, {1, 2}).why_wait(14 * GB)
    assert (
        words == "waits for host memory: a load takes 10.0 GB, and the others that load leave 8.0"
    )


def test_no_more_load_side_by_side_than_there_are_cores_for():
    loads = Loads(GB, at_once=2).one_more()
    assert loads.why_wait(100 * GB) is None
    loads = loads.one_more()
    assert "waits for a core" in loads.why_wait(100 * GB)
    assert loads.seen({1: GB, 2: GB}, {1, 2}).why_wait(100 * GB) is not None
    assert loads.seen({2: GB}, {1, 2}).why_wait(100 * GB) is None
