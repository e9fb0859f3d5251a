"""The table of slot states as a picture: `python -m pool.supervisor.diagram` prints it as Mermaid.

A test compares the picture in docs/architecture.md with this one, so that page cannot fall behind.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping

from pool.supervisor.states import TRANSITIONS, SlotAction, SlotEvent, SlotState

_AT_WORK = (SlotState.STARTING, SlotState.READY, SlotState.BUSY)
"""Drawn inside one frame: most of what can happen to them is the same."""

_Row = Mapping[SlotEvent, tuple[SlotState, SlotAction]]


def diagram() -> str:
    """Every transition that leads to another state, as a Mermaid state diagram."""
    shared = dict(
        set.intersection(*(set(TRANSITIONS[state].items()) for state in _AT_WORK))  # common to all
    )
    lines = ["stateDiagram-v2", '    state "at work" as at_work {', "        [*] --> starting"]
    for state in _AT_WORK:
        own = {event: way for event, way in TRANSITIONS[state].items() if event not in shared}
        lines += [f"        {arrow}" for arrow in _arrows(state, state, own)]
    lines += ["    }", "    [*] --> at_work"]
    in_order = {event: shared[event] for event in SlotEvent if event in shared}
    lines += [f"    {arrow}" for arrow in _arrows("at_work", None, in_order)]
    for state in TRANSITIONS:
        if state not in _AT_WORK:
            lines += [f"    {arrow}" for arrow in _arrows(state, state, TRANSITIONS[state])]
    return "\n".join([*lines, f"    {SlotState.STOPPED} --> [*]"]) + "\n"


def _arrows(name: str, state: SlotState | None, row: _Row) -> Iterator[str]:
    """One arrow for all events that lead to the same state by the same action."""
    ways: dict[tuple[SlotState, SlotAction], list[str]] = defaultdict(list)
    for event, way in row.items():
        ways[way].append(event.value)
    for (target, action), events in ways.items():
        if target is not state:
            then = "" if action is SlotAction.NOTHING else f" / {action}"
            yield f"{name} --> {target}: {', '.join(events)}{then}"


if __name__ == "__main__":
    sys.stdout.write(diagram())
