"""The states of a slot: one table of what may happen in each, and what is done then.

Every state has a row; the terminal one an empty row. An event that a row does not name is a
programming error and raises `IllegalSlotEvent`. The diagram in docs/architecture.md is drawn from
this table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class SlotState(StrEnum):
    """Where a slot is."""

    STARTING = "starting"
    """Its child runs and loads."""
    READY = "ready"
    """Its child is loaded and has no task."""
    BUSY = "busy"
    """Its child works on a task."""
    DRAINING = "draining"
    """Its child finishes what it has, then ends."""
    BACKOFF = "backoff"
    """Its child died; the next one is started after a wait."""
    QUARANTINED = "quarantined"
    """Its child died too often or cannot be killed, or the device is sick; one is tried later."""
    LOST = "lost"
    """The device is gone; one child is tried once it is back."""
    STOPPED = "stopped"
    """Its child has ended for good."""


class SlotEvent(StrEnum):
    """What can happen to a slot."""

    LOADED = "loaded"
    TOOK_TASK = "took a task"
    ENDED_TASK = "ended its task"
    DRAIN = "drain"
    DIED = "died"
    DIED_TOO_OFTEN = "died too often"
    UNUSABLE = "cannot be used"
    FINISHED = "finished"
    WORN_OUT = "worn out"
    BACKOFF_OVER = "backoff over"
    TRIAL_DUE = "trial due"
    DEVICE_LOST = "device lost"
    DEVICE_SICK = "device sick"
    BROKEN = "cannot be looked after"
    """Its child outlives its kill, or the pool met an error of its own."""


class SlotAction(StrEnum):
    """What the supervisor does on the way into the new state."""

    NOTHING = "nothing"
    LAUNCH = "launch a child"
    WAIT = "wait for the backoff"
    TELL_TO_DRAIN = "tell the child to drain"
    KILL = "kill the child"


class IllegalSlotEvent(Exception):
    """An event that cannot happen in this state; names both."""

    def __init__(self, state: SlotState, event: SlotEvent) -> None:
        super().__init__(f"a slot that is {state.value} cannot have {event.value!r}")


_S, _E, _A = SlotState, SlotEvent, SlotAction
_Row = Mapping[SlotEvent, tuple[SlotState, SlotAction]]

_DEATHS: _Row = {
    _E.DIED: (_S.BACKOFF, _A.WAIT),
    _E.DIED_TOO_OFTEN: (_S.QUARANTINED, _A.NOTHING),
    _E.UNUSABLE: (_S.STOPPED, _A.NOTHING),
    _E.WORN_OUT: (_S.BACKOFF, _A.WAIT),
    _E.DEVICE_LOST: (_S.LOST, _A.KILL),
    _E.DEVICE_SICK: (_S.QUARANTINED, _A.KILL),
    _E.BROKEN: (_S.QUARANTINED, _A.KILL),
    _E.DRAIN: (_S.DRAINING, _A.TELL_TO_DRAIN),
}


def _whatever_the_child_does(state: SlotState) -> _Row:
    """The row of a slot that is given up while its child is still being killed."""
    last_words = (_E.LOADED, _E.TOOK_TASK, _E.ENDED_TASK)
    deaths = (_E.DIED, _E.DIED_TOO_OFTEN, _E.UNUSABLE, _E.FINISHED, _E.WORN_OUT)
    again = (_E.DRAIN, _E.DEVICE_SICK, _E.BROKEN)
    return dict.fromkeys((*last_words, *deaths, *again), (state, _A.NOTHING))


TRANSITIONS: Mapping[SlotState, _Row] = MappingProxyType(
    {
        _S.STARTING: {
            **_DEATHS,
            _E.LOADED: (_S.READY, _A.NOTHING),
        },
        _S.READY: {
            **_DEATHS,
            _E.TOOK_TASK: (_S.BUSY, _A.NOTHING),
        },
        _S.BUSY: {
            **_DEATHS,
            _E.ENDED_TASK: (_S.READY, _A.NOTHING),
        },
        _S.DRAINING: {
            _E.LOADED: (_S.DRAINING, _A.NOTHING),
            _E.TOOK_TASK: (_S.DRAINING, _A.NOTHING),
            _E.ENDED_TASK: (_S.DRAINING, _A.NOTHING),
            _E.DRAIN: (_S.DRAINING, _A.NOTHING),
            _E.FINISHED: (_S.STOPPED, _A.NOTHING),
            _E.DIED: (_S.STOPPED, _A.NOTHING),
            _E.DIED_TOO_OFTEN: (_S.STOPPED, _A.NOTHING),
            _E.UNUSABLE: (_S.STOPPED, _A.NOTHING),
            _E.DEVICE_LOST: (_S.LOST, _A.KILL),
            _E.DEVICE_SICK: (_S.QUARANTINED, _A.KILL),
            _E.BROKEN: (_S.QUARANTINED, _A.KILL),
        },
        _S.BACKOFF: {
            _E.BACKOFF_OVER: (_S.STARTING, _A.LAUNCH),
            _E.DIED_TOO_OFTEN: (_S.QUARANTINED, _A.NOTHING),
            _E.DRAIN: (_S.STOPPED, _A.NOTHING),
            _E.DEVICE_LOST: (_S.LOST, _A.NOTHING),
            _E.DEVICE_SICK: (_S.QUARANTINED, _A.NOTHING),
            _E.BROKEN: (_S.QUARANTINED, _A.NOTHING),
        },
        _S.QUARANTINED: {
            **_whatever_the_child_does(_S.QUARANTINED),
            _E.TRIAL_DUE: (_S.STARTING, _A.LAUNCH),
            _E.DEVICE_LOST: (_S.LOST, _A.NOTHING),
        },
        _S.LOST: {
            **_whatever_the_child_does(_S.LOST),
            _E.TRIAL_DUE: (_S.STARTING, _A.LAUNCH),
            _E.DEVICE_LOST: (_S.LOST, _A.NOTHING),
        },
        _S.STOPPED: {},
    }
)

WORKING = frozenset({_S.READY, _S.BUSY, _S.DRAINING})
"""States in which a slot does what it is there for."""

GIVEN_UP = frozenset({_S.QUARANTINED, _S.LOST})
"""States in which a slot has no child until its trial."""


def follow(state: SlotState, event: SlotEvent) -> tuple[SlotState, SlotAction]:
    """The next state and what to do. Raises `IllegalSlotEvent`."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalSlotEvent(state, event) from None
