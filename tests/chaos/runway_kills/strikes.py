"""Who is at work, on what, and how far: read from the events that the children write. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inference.runway.attempts import State
from tests.checker import Event

_ENDS = {"completed", "failed", "lost", "abandoned", "released", "died"}
_BEFORE, _DURING, _WATCHING = "before the create", "during the create", "while Runway worked"
_BY_EVENT = {
    "leased": "before the lease was confirmed",
    "confirmed": _BEFORE,
    "infer_ended": "while the video was fetched",
    "kept": "before the video was stored",
    "stored": "before the report",
}
_BY_ATTEMPT = {None: _BEFORE, State.UNSENT: _BEFORE, State.INTENT: _DURING}
PHASES = (
    _BY_EVENT["leased"],
    _BEFORE,
    _DURING,
    _WATCHING,
    *(_BY_EVENT[event] for event in ("infer_ended", "kept", "stored")),
)


@dataclass(frozen=True)
class Work:
    """One child's leases that have not ended: each item with the last that happened to it."""

    pid: int
    worker_id: str
    last: Mapping[str, str]


def at_work(events: Iterable[Event]) -> list[Work]:
    """The children that hold a lease."""
    last: dict[str, dict[str, str]] = defaultdict(dict)
    pids: dict[str, int] = {}
    for event in events:
        if event.event in _ENDS:
            last[event.worker_id].pop(event.item_id, None)
        else:
            pids[event.worker_id] = event.pid
            last[event.worker_id][event.item_id] = event.event
    return [Work(pids[worker], worker, items) for worker, items in last.items() if items]


def phase(work: Work, item_id: str, attempt: State | None) -> str:
    """How far a child was with an item; `attempt` is the state of its lease's purchase, if any."""
    event = work.last[item_id]
    if event != "infer_started":
        return _BY_EVENT[event]
    return _BY_ATTEMPT.get(attempt, _WATCHING)


def foremost(work: Work) -> str:
    """Of a child's items, the one that is furthest."""
    order: Sequence[str] = ("leased", "confirmed", "infer_started", "infer_ended", "kept", "stored")
    return max(work.last, key=lambda item: order.index(work.last[item]))
