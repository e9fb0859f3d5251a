"""L1: one question at a time in a pool, and one per interval while the queue is empty."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.simulation.history import Event
from tests.simulation.lanes import SLOW_LAG_S
from tests.simulation.rules import EPSILON_S, Violation
from tests.simulation.stories import pool_of

_GONE = ("died", "exited", "broke")


@dataclass
class _Polling:
    """What is known of one pool's questions."""

    asker: str | None = None
    empty_at: float | None = None
    answered_to: str = ""


def of_polls(events: Iterable[Event], poll_s: float) -> Iterator[Violation]:
    """Every violation of L1."""
    pools: dict[str, _Polling] = {}
    for event in events:
        if event.kind in _GONE:
            _left(pools.setdefault(pool_of(event.worker), _Polling()), event)
        elif event.what == "next-task" and event.kind in ("sent", "answered"):
            pool = pools.setdefault(pool_of(event.worker), _Polling())
            if event.kind == "sent":
                yield from _asked(pool, event, poll_s)
            else:
                _answered(pool, event)


def _asked(pool: _Polling, event: Event, poll_s: float) -> Iterator[Violation]:
    if pool.asker is not None:
        sentence = f"asked while {pool.asker} of the same pool was asking"
        yield Violation("L1", event.at, event.worker, "", sentence)
    if pool.empty_at is not None and event.at < pool.empty_at + poll_s - EPSILON_S:
        sentence = f"asked an empty queue again after {event.at - pool.empty_at:.2f} s"
        yield Violation("L1", event.at, event.worker, "", sentence)
    pool.asker = event.worker


def _answered(pool: _Polling, event: Event) -> None:
    pool.asker = None if pool.asker == event.worker else pool.asker
    pool.empty_at = event.at if event.text == "empty" else None
    pool.answered_to = event.worker


def _left(pool: _Polling, event: Event) -> None:
    """A child that is gone asks no more; what it had just heard, it may not have passed on."""
    if pool.asker == event.worker:
        pool.asker = None
    heard_at = pool.empty_at
    if heard_at is None or pool.answered_to != event.worker:
        return
    if event.at - heard_at <= SLOW_LAG_S:
        pool.empty_at = None
