"""The benchmark of a pool's healing still measures: each of its quicker parts once."""

from tests.benchmarks.reliability import deaths, idle_drain, killed_parent

SENSIBLE_S = 60


def test_a_death_is_timed_from_the_kill_to_the_next_childs_first_poll():
    [death] = deaths(1, children=1)
    assert 0 < death.cpu_s < SENSIBLE_S
    assert death.cpu_s < death.to_poll_s < SENSIBLE_S
    assert death.load_aside_s == death.to_poll_s - death.cpu_s


def test_the_end_of_a_pool_is_timed():
    for [end_s] in (killed_parent(1), idle_drain(1)):
        assert 0 < end_s < SENSIBLE_S
