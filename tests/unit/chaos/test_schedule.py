from collections import Counter
from dataclasses import replace

import pytest

from tests.chaos.storm.mischief import ACTS
from tests.chaos.storm.schedule import KINDS, OUTSIDE, WITHIN, Storm

STORM = Storm(seed=7, length_s=600.0, every_s=0.5, tasks=10)


def test_a_seed_draws_its_schedule_again_and_another_seed_another_one():
    assert STORM.troubles() == STORM.troubles()
    assert STORM.troubles() != replace(STORM, seed=8).troubles()


def test_there_are_as_many_troubles_as_were_asked_for_in_the_order_of_their_hours():
    troubles = STORM.troubles()
    assert sum(trouble.kind in OUTSIDE for trouble in troubles) == 1200
    assert sum(trouble.kind in WITHIN for trouble in troubles) == 120
    assert troubles == sorted(troubles, key=lambda trouble: trouble.at_s)
    assert troubles[0].at_s >= 0
    assert troubles[-1].at_s <= 600


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_in_a_long_storm_and_lasts_as_long_as_its_table_says(kind):
    lasting = [trouble.lasts_s for trouble in STORM.troubles() if trouble.kind == kind]
    assert lasting
    assert KINDS[kind].shortest_s <= min(lasting)
    assert max(lasting) <= KINDS[kind].longest_s


def test_the_kinds_come_by_their_weight():
    counts = Counter(trouble.kind for trouble in STORM.troubles())
    assert counts.most_common(1)[0][0] == "kill a child"


@pytest.mark.parametrize("only", [("kill a child",), ("silence", "trickle"), ("hang", "poison")])
def test_only_what_was_asked_for_comes(only):
    troubles = replace(STORM, only=only).troubles()
    assert {trouble.kind for trouble in troubles} == set(only)
    assert len(troubles) == 1200


def test_a_seed_draws_the_troubles_from_outside_whether_or_not_there_are_others():
    outside = [trouble for trouble in STORM.troubles() if trouble.kind in OUTSIDE]
    assert outside == replace(STORM, only=tuple(OUTSIDE)).troubles()


def test_a_trouble_s_chance_is_the_same_whenever_it_is_asked_for():
    [first, second] = STORM.troubles()[:2]
    assert first.chance().random() == first.chance().random()
    assert first.chance().random() != second.chance().random()


def test_tasks_arrive_evenly_and_the_last_one_before_the_storm_is_over():
    assert STORM.arrivals() == pytest.approx([54.0 * number for number in range(10)])


def test_every_kind_has_its_deed_and_no_deed_is_without_a_kind():
    assert ACTS.keys() == KINDS.keys()
