"""What goes wrong in a run, and when: drawn once, from the seed, before the run begins.

A trouble waits for a number of leases rather than for an hour, so that all of them come, however
long the run takes.
"""

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from client.backoff import RETRY_AFTER_CAP_S
from tests.fakes.bad_server import faults as bad
from tests.simulation.network import STORAGE_CALLS, Kind, Planned
from tests.simulation.pools import Field, SimPool, SimSlot
from tests.simulation.world import Process

_LATEST = 0.97
_WITHIN_S = 40.0
_AT_ONCE = 0.4
_SOON_S = 0.06


class Trouble(NamedTuple):
    """One thing that goes wrong `delay_s` after the `lease`-th lease."""

    lease: int
    delay_s: float
    name: str


_WEIGHTS: Mapping[str, float] = {
    "request": 50,
    "crash": 12,
    "freeze": 10,
    "hang": 3,
    "unfit": 2,
    "later": 1,
    "disk full": 2,
    "order": 4,
    "slow": 4,
    "taken": 3,
    "long race": 3,
    "partition": 2,
    "urls expire": 2,
    "photo row": 1,
    "parent": 0.4,
    "api down": 0.6,
    "storage down": 0.6,
}


def drawn(chance: random.Random, count: int, tasks: int) -> list[Trouble]:
    """The troubles of a run, in the order of their leases."""
    names = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count)
    leases = [chance.randrange(int(tasks * _LATEST) + 1) for _ in names]
    troubles = [
        Trouble(lease, chance.uniform(0, _WITHIN_S), name)
        for lease, name in zip(leases, names, strict=True)
    ]
    return sorted(troubles)


class Mischief:
    """Brings troubles about, one after the other."""

    def __init__(self, field: Field, pools: list[SimPool], troubles: list[Trouble]) -> None:
        self._field = field
        self._chance = field.world.random
        self._pools = pools
        self._waiting = troubles[::-1]
        self._leases = 0
        self.done = 0
        self._acts: dict[str, Callable[[], str]] = {
            "request": self._request,
            "crash": lambda: self._at_a_bad_moment(self._crash),
            "freeze": lambda: self._at_a_bad_moment(self._freeze),
            "hang": lambda: self._mishap("hang"),
            "unfit": lambda: self._mishap("unfit"),
            "later": lambda: self._mishap("later"),
            "disk full": lambda: self._mishap("disk full"),
            "order": self._order,
            "slow": self._slow,
            "taken": self._taken,
            "long race": self._long_race,
            "partition": lambda: self._cut(self._chance.choice(self._pools).name),
            "urls expire": self._urls_expire,
            "photo row": self._photo_row,
            "parent": self._parent,
            "api down": lambda: self._cut("api"),
            "storage down": lambda: self._cut("storage"),
        }

    @property
    def over(self) -> bool:
        """Whether nothing more is planned."""
        return not self._waiting

    def leased(self) -> None:
        """One lease more was given."""
        self._leases += 1
        while self._waiting and self._waiting[-1].lease <= self._leases:
            trouble = self._waiting.pop()
            when = self._field.world.now + trouble.delay_s
            self._field.world.at(when, None, self._happen, trouble.name)

    def _happen(self, name: str) -> None:
        what = self._acts[name]()
        self.done += 1
        self._field.history.add(self._field.world.now, "trouble", "", "", name, what)

    # Processes

    def _slot(self) -> SimSlot:
        """A slot with a child, rather one at work."""
        slots = [slot for pool in self._pools for slot in pool.slots if slot.alive]
        busy = [slot for slot in slots if slot.tasks]
        anyone = [slot for pool in self._pools for slot in pool.slots]
        return self._chance.choice(busy or slots or anyone)

    def _at_a_bad_moment(self, act: Callable[[SimSlot], str]) -> str:
        """Now, or the next time that somebody has just sent something: such moments are short."""
        if self._chance.random() < _AT_ONCE:
            return act(self._slot())
        endpoint = self._chance.choice(bad.ENDPOINTS)
        self._field.network.lie_in_wait(endpoint, lambda process: self._soon(act, process))
        return f"after the next {endpoint}"

    def _soon(self, act: Callable[[SimSlot], str], process: Process) -> None:
        for slot in (slot for pool in self._pools for slot in pool.slots):
            if slot.process is process:
                world = self._field.world
                world.at(world.now + self._chance.expovariate(1 / _SOON_S), process, act, slot)

    def _crash(self, slot: SimSlot) -> str:
        slot.die("killed by SIGKILL")
        return _name(slot)

    def _freeze(self, slot: SimSlot) -> str:
        """Shorter than the lease or longer."""
        lease_s = self._field.settings.lease_s
        longest_s = self._chance.choice((1.0, lease_s / 4, 2.0 * lease_s, 4.0 * lease_s))
        for_s = longest_s * self._chance.random()
        until = self._field.world.now + for_s
        if slot.process is not None:
            slot.process.frozen_until = max(slot.process.frozen_until, until)
        self._field.history.add(self._field.world.now, "frozen", _name(slot), value=until)
        return _name(slot)

    def _slow(self) -> str:
        slot = self._slot()
        until = self._field.world.now + self._chance.uniform(5, 60)
        if slot.process is not None:
            slot.process.slow_until = until
        self._field.history.add(self._field.world.now, "slow", _name(slot), value=until)
        return _name(slot)

    def _mishap(self, what: str) -> str:
        slot = self._slot()
        slot.mishaps.next.append(what)
        return _name(slot)

    def _order(self) -> str:
        slot, what = self._slot(), self._chance.choice(("drain", "stop", "SIGTERM"))
        slot.order(what)
        return f"{_name(slot)} {what}"

    def _parent(self) -> str:
        pool = self._chance.choice(self._pools)
        pool.lose_parent("its supervisor was killed")
        return pool.name

    # Servers and networks

    def _request(self) -> str:
        fault = request_fault(self._chance)
        self._field.network.plan(fault)
        return f"{fault.endpoint} {fault.kind} x{fault.times}"

    def _cut(self, what: str) -> str:
        longest_s = self._chance.choice((0.2, 2.0)) * self._field.settings.lease_s
        for_s = longest_s * self._chance.random()
        self._field.network.cut(what, for_s)
        return f"{what} for {for_s:.0f} s"

    def _taken(self) -> str:
        item_id = self._item()
        self._field.server.take_away(item_id, self._chance.uniform(5, 60))
        return item_id

    def _photo_row(self) -> str:
        item_id = self._item()
        self._field.server.lose_photo_row(item_id, self._chance.uniform(10, 300))
        return item_id

    def _long_race(self) -> str:
        window_s = self._chance.uniform(0.3, 3.0)
        self._field.server.long_races_s.append(window_s)
        return f"{window_s:.1f} s"

    def _urls_expire(self) -> str:
        self._field.server.storage.expire_tokens()
        return ""

    def _item(self) -> str:
        """One of the oldest open items; "" where none is open is never asked for by a lease."""
        items = self._field.server.items
        ids = items.open or [items.all()[0].item_id]
        return self._chance.choice(ids[:12])


def _name(slot: SimSlot) -> str:
    return slot.process.name if slot.process is not None else ""


def request_fault(chance: random.Random) -> Planned:
    """Something that goes wrong with one request, or with a few of one worker's in a row."""
    endpoint = chance.choice(bad.ENDPOINTS)
    times = chance.choice((1, 1, 1, 2, 3, 6))
    return Planned(endpoint, _kind(chance, endpoint), times)


def _kind(chance: random.Random, endpoint: str) -> Kind:
    after = chance.random() < 0.5
    in_storage = endpoint in STORAGE_CALLS
    refusals = ("SlowDown", "InternalError", "InvalidJWT", "AccessDenied")
    kinds: list[Kind] = [
        bad.Reset(after_effect=after),
        bad.Reset(after_effect=after),
        bad.Delay(chance.uniform(1, 60), after_effect=after),
        bad.Canned(chance.choice((500, 502, 503, 504)), after_effect=after),
        bad.html(chance.choice((200, 404, 502))),
        bad.rate_limited(chance.choice((1, 20, int(RETRY_AFTER_CAP_S)))),
        bad.StorageRefusal(chance.choice(refusals)) if in_storage else bad.DatabaseError(),
        bad.empty() if not in_storage else bad.Delay(chance.uniform(1, 20)),
        bad.refused_with_200() if not in_storage else bad.Reset(after_effect=True),
        bad.Canned(401) if endpoint == "next-task" else bad.DatabaseError(),
    ]
    return chance.choice(kinds)
