"""Troubles of the server and of its storage."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.chaos.storm.field import Deaf, Field
from tests.chaos.storm.schedule import Trouble
from tests.fakes.bad_server import Bugs, Fault
from tests.fakes.bad_server import faults as bad

MOST_CALLS = 6
MOST_RACE_S = 0.4
MOST_TAKEN_S = 12.0
API_CALLS = tuple(name for name in bad.ENDPOINTS if name not in ("download", "upload"))
STORAGE_CALLS = ("download", "upload")
REFUSALS = ("SlowDown", "InternalError", "InvalidJWT", "AccessDenied", "ExpiredToken")

FAULTS: Mapping[str, tuple[tuple[str, ...], Callable[[random.Random], bad.Kind]]] = {
    "server errors": (
        API_CALLS,
        lambda c: bad.Canned(c.choice((500, 502, 503, 504)), after_effect=c.random() < 0.5),
    ),
    "lost answers": (bad.ENDPOINTS, lambda c: bad.Reset(after_effect=c.random() < 0.7)),
    "late answers": (bad.ENDPOINTS, lambda c: bad.Delay(c.uniform(0.5, 8), c.random() < 0.5)),
    "database errors": (API_CALLS, lambda _: bad.DatabaseError()),
    "nonsense": (
        API_CALLS,
        lambda c: c.choice(
            (bad.html(), bad.empty(), bad.garbage(), bad.wrong_types(), bad.refused_with_200())
        ),
    ),
    "rate limit": (API_CALLS, lambda _: bad.rate_limited(1)),
    "storage errors": (STORAGE_CALLS, lambda c: bad.StorageRefusal(c.choice(REFUSALS))),
}
"""By kind: where it may strike, and what happens there."""


def break_calls(field: Field, trouble: Trouble, _now: float) -> str:
    """Break the next few calls of one endpoint; what was left of the fault before is forgotten."""
    chance = trouble.chance()
    endpoints, kind = FAULTS[trouble.kind]
    fault = Fault(chance.choice(endpoints), kind(chance), chance.randint(1, MOST_CALLS))
    field.server.set_faults(fault)
    return f"{fault.endpoint} {type(fault.kind).__name__} x{fault.times}"


def end_links(field: Field, _trouble: Trouble, _now: float) -> str:
    """End the life of every signed URL."""
    field.server.expire_urls()
    return "every signed URL"


def down(field: Field, trouble: Trouble, now: float) -> str:
    """Let the server refuse connections for a while."""
    field.server.go_down()
    field.agenda.at(now + trouble.lasts_s, field.server.come_up)
    field.deaf.append(Deaf(now, now + trouble.lasts_s, None))
    return "the server"


def lengthen_races(field: Field, trouble: Trouble, now: float) -> str:
    """Widen the gap between a next-task's select and its update for a while."""
    window_s = trouble.chance().uniform(0.02, MOST_RACE_S)
    field.server.set_bugs(replace(Bugs(), race_window_s=window_s))
    field.agenda.at(now + trouble.lasts_s, lambda: field.server.set_bugs(Bugs()))
    return f"{window_s:.2f} s"


def take_a_task_away(field: Field, trouble: Trouble, _now: float) -> str | None:
    """Give a task in work to a worker that never finishes it."""
    chance = trouble.chance()
    in_work = [item.item_id for item in field.server.items() if item.status == "processing"]
    if not in_work:
        return None
    taken = chance.choice(in_work)
    field.server.take_away(taken, lease_s=chance.uniform(1, MOST_TAKEN_S))
    return taken
