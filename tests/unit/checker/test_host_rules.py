"""Forged events that break R5 and R6, and their neighbours that do not."""

from tests.checker import check
from tests.unit.checker.forge import CLEAN_EVENTS, EXPECT, OTHER, Forge, event, rules, shop


def broken(*events):
    forge = Forge().clean_run()
    return rules(check(forge.log, shop(), [*CLEAN_EVENTS, *events], EXPECT))


def test_r5_an_item_that_killed_two_children_and_is_run_again_is_caught():
    assert broken(event("died", 50.0), event("died", 60.0, worker=OTHER)) == ["R5"]


def test_r5_an_item_that_killed_one_child_may_be_run_again():
    assert broken(event("died", 50.0)) == []


def test_r5_deaths_in_another_pool_do_not_count():
    assert broken(event("died", 50.0), event("died", 60.0, worker="far-gpu0-x")) == []


def test_r6_a_kept_video_that_is_made_again_is_caught():
    assert broken(event("kept", 50.0)) == ["R6"]


def test_r6_a_video_that_is_kept_after_its_own_inference_is_fine():
    assert broken(event("kept", 299.5)) == []
