"""What is the matter with a pool, as far as a person must act on it."""

import pytest

from pool.alerts.conditions import conditions
from pool.status.observer import Look
from pool.status.queue import Queue
from pool.status.status_file import Found
from pool.status.totals import totals
from tests.unit.pool.status.sample import LAST_EXIT, slot, status


def look(*slots, state="running", age_s=0.5, queue=None):
    found = Found(status(*slots, state=state), age_s)
    return Look(found, totals(found.status, (), queue, 0.0))


def ended(code, reason):
    return LAST_EXIT.model_copy(update={"code": code, "signal": None, "reason": reason})


def test_a_pool_that_works_gives_no_reason_to_call():
    slots = [slot(f"gpu{n}", state) for n, state in enumerate(("ready", "busy", "backoff"))]
    assert conditions(look(*slots), None) == {}
    assert conditions(Look(None, None, missing="no pool"), None) == {}


def test_each_slot_that_is_given_up_is_a_condition_of_its_own():
    slots = [slot("gpu0"), slot("gpu5", "quarantined", reason="died 5 times"), slot("gpu6", "lost")]
    found = conditions(look(*slots), None)
    assert set(found) == {"slot gpu5", "slot gpu6"}
    assert found["slot gpu5"] == "gpu5 is quarantined: died 5 times"


def test_when_all_are_given_up_that_is_one_condition():
    slots = [slot(f"gpu{n}", "quarantined", reason="why") for n in range(8)]
    for state in ("running", "stopped"):
        found = conditions(look(*slots, state=state), None)
        assert set(found) == {"all"}
        assert "gpu0 is quarantined: why" in found["all"]


def test_a_key_that_is_refused_is_told_while_the_pool_runs_and_when_it_ended_over_it():
    assert set(conditions(look(queue=Queue(None, 5.0, 1)), None)) == {"refused"}
    stopped = slot("gpu0", "stopped", last_exit=ended(4, "the Worker API refuses the key (401)"))
    assert set(conditions(look(stopped, state="stopped"), None)) == {"refused"}


@pytest.mark.parametrize("code", [2, 3])
def test_a_pool_that_ended_over_its_settings_says_so(code):
    stopped = slot("gpu0", "stopped", last_exit=ended(code, "the weights are damaged"))
    found = conditions(look(stopped, state="stopped"), None)
    assert found == {"ended": "the pool has ended: the weights are damaged"}


@pytest.mark.parametrize("code", [0, 9])
def test_a_pool_that_was_asked_to_end_has_nothing_to_say(code):
    stopped = slot("gpu0", "stopped", last_exit=ended(code, "drained"))
    assert conditions(look(stopped, state="stopped"), None) == {}


def test_a_supervisor_that_died_or_hangs_is_the_whole_message():
    quarantined = slot("gpu0", "quarantined", reason="why")
    assert set(conditions(look(quarantined, state="dead"), 9999.0)) == {"dead"}
    assert set(conditions(look(quarantined, age_s=61.0), 9999.0)) == {"stale"}


def test_idleness_is_told_in_words():
    assert conditions(look(), 2000.0) == {
        "idle": "nothing was finished for 33m20s, and the queue is not empty"
    }


@pytest.mark.parametrize("state", ["starting", "backoff", "quarantined"])
def test_a_slot_that_was_given_up_stays_so_until_it_works_again(state):
    on_trial = slot("gpu5", state, reason="on trial")
    assert set(conditions(look(slot("gpu0"), on_trial), None, {"slot gpu5"})) == {"slot gpu5"}
    assert set(conditions(look(on_trial), None, {"all"})) == {"all"}


@pytest.mark.parametrize("state", ["ready", "busy", "draining"])
def test_a_slot_that_works_again_is_no_condition_any_more(state):
    assert conditions(look(slot("gpu5", state)), None, {"slot gpu5", "all"}) == {}
