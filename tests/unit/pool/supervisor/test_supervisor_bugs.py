"""Errors of the pool's own: they cost the slot that they are met at, and no other."""

import pytest
from loguru import logger

from pool.exit_codes import ExitCode
from pool.gpu.readings import Reading
from pool.messages import Stop
from pool.supervisor.states import IllegalSlotEvent, SlotEvent, SlotState, follow
from tests.unit.pool.supervisor.fake_child import beat, ended, working
from tests.unit.pool.supervisor.test_supervisor import Pool

QUARANTINED, READY = SlotState.QUARANTINED, SlotState.READY


class Bug(Exception):
    pass


def bug(*_args, **_more):
    raise Bug("a bug")


@pytest.fixture
def pool(tmp_path):
    return Pool(tmp_path, on_gpus=True)


@pytest.fixture
def errors():
    lines = []
    sink = logger.add(lines.append, level="ERROR", format="{message}\n{exception}")
    yield lines
    logger.remove(sink)


def works_on(pool, number):
    child = pool.children[number]
    child.says(beat(working(pool.now)), ended("completed"), beat())
    done = pool.slots[number].counters.completed
    pool.round(1)
    return pool.slots[number].counters.completed == done + 1


@pytest.mark.parametrize("where", ["hear", "returncode"])
def test_a_bug_met_at_one_slot_ends_its_child_and_no_other(pool, where, errors):
    setattr(pool.children[0], where, bug)
    pool.round()
    assert pool.states() == [QUARANTINED, READY]
    assert not pool.children[0].alive
    assert "an error of its own (Bug); logs/pool.log has it" in pool.slots[0].reason
    assert works_on(pool, 1)
    [line] = errors
    assert "Traceback" in line
    assert "Bug: a bug" in line


def test_an_event_that_the_table_does_not_know_ends_its_slot_alone(pool):
    pool.slots[0].state = SlotState.BACKOFF
    pool.children[0].says(beat(working(pool.now)))
    pool.round()
    assert pool.states() == [QUARANTINED, READY]
    assert IllegalSlotEvent.__name__ in pool.slots[0].reason
    assert not pool.children[0].alive
    assert works_on(pool, 1)


def test_a_bug_in_the_look_at_a_device_ends_its_slot_alone(pool):
    pool.slots[0].look_at_device = bug
    pool.gpus.say(Reading(0.0), Reading(0.0))
    pool.round()
    assert pool.states() == [QUARANTINED, READY]


def test_a_bug_that_is_met_again_and_again_is_logged_as_an_error_once(pool, errors):
    pool.slots[0].look_at_device = bug
    pool.gpus.say(Reading(0.0), Reading(0.0))
    for _ in range(5):
        pool.round(1)
    assert sum("Traceback" in line for line in errors) == 1


def test_a_slot_whose_child_cannot_even_be_looked_at_does_not_keep_the_pool_from_its_end(pool):
    pool.children[0].returncode = bug
    pool.round()
    pool.round()
    assert not pool.slots[0].over, "it was just killed, and may still be buried"
    for _ in range(11):
        pool.round(1)
    assert pool.slots[0].over
    assert pool.all_end(ExitCode.NO_DEVICE) is ExitCode.ALL_QUARANTINED
    assert all(slot.over for slot in pool.slots)


def test_a_bug_on_the_way_to_an_end_keeps_no_other_slot_from_it(pool):
    pool.slots[0].stop = bug
    pool.supervisor.stop("a second signal", pool.now)
    assert pool.told(Stop) == [0, 1]
    assert pool.states() == [QUARANTINED, SlotState.DRAINING]


def test_after_a_bug_the_slot_gets_its_trial_like_any_other(pool):
    pool.slots[0].state = SlotState.BACKOFF
    pool.children[0].says(beat(working(pool.now)))
    for pause_s in (0, 1, 1801):
        pool.round(pause_s)
    assert pool.states() == [SlotState.STARTING, READY]


def test_a_bug_is_possible_in_every_state_but_the_last():
    for state in SlotState:
        if state is not SlotState.STOPPED:
            assert follow(state, SlotEvent.BROKEN)[0] in (QUARANTINED, SlotState.LOST)
