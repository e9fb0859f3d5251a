"""The table of a slot's states is whole: no pair of state and event is left to chance."""

import itertools

import pytest

from pool.supervisor.states import (
    GIVEN_UP,
    TRANSITIONS,
    WORKING,
    IllegalSlotEvent,
    SlotAction,
    SlotEvent,
    SlotState,
    follow,
)

PAIRS = list(itertools.product(SlotState, SlotEvent))


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_in_the_table_or_refused_by_name(state, event):
    if event in TRANSITIONS[state]:
        assert follow(state, event) == TRANSITIONS[state][event]
        return
    with pytest.raises(IllegalSlotEvent) as refused:
        follow(state, event)
    assert state.value in str(refused.value)
    assert event.value in str(refused.value)


def test_every_state_has_a_row():
    assert set(TRANSITIONS) == set(SlotState)


def test_every_state_is_reached_from_the_first_one():
    reached = {SlotState.STARTING}
    for _ in SlotState:
        reached |= {to for state in reached for to, _ in TRANSITIONS[state].values()}
    assert reached == set(SlotState)


def test_every_event_and_every_action_is_used():
    used = [(event, action) for row in TRANSITIONS.values() for event, (_, action) in row.items()]
    assert {event for event, _ in used} == set(SlotEvent)
    assert {action for _, action in used} == set(SlotAction)


def test_nothing_follows_stopped():
    assert TRANSITIONS[SlotState.STOPPED] == {}


def test_a_lost_device_is_used_again_by_a_trial_alone():
    row = TRANSITIONS[SlotState.LOST]
    left_by = {event for event, (to, _) in row.items() if to is not SlotState.LOST}
    assert left_by == {SlotEvent.TRIAL_DUE}


def test_only_the_end_of_a_backoff_and_a_trial_launch_a_child():
    launching = [
        (state, event)
        for state, row in TRANSITIONS.items()
        for event, (_, action) in row.items()
        if action is SlotAction.LAUNCH
    ]
    assert set(launching) == {
        (SlotState.BACKOFF, SlotEvent.BACKOFF_OVER),
        (SlotState.QUARANTINED, SlotEvent.TRIAL_DUE),
        (SlotState.LOST, SlotEvent.TRIAL_DUE),
    }


def test_a_quarantined_slot_comes_back_by_a_trial_alone():
    row = TRANSITIONS[SlotState.QUARANTINED]
    left_by = {event for event, (to, _) in row.items() if to is not SlotState.QUARANTINED}
    assert left_by == {SlotEvent.TRIAL_DUE, SlotEvent.DEVICE_LOST}


def test_a_drain_reaches_every_state_but_the_last():
    without = {state for state, row in TRANSITIONS.items() if SlotEvent.DRAIN not in row}
    assert without == {SlotState.STOPPED}


def test_no_slot_both_works_and_is_given_up():
    assert not WORKING & GIVEN_UP
