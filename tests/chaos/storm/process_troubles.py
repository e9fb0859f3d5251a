"""Troubles of processes: killed, stopped, ended."""

import contextlib
import random
import signal

import psutil

from tests.chaos.storm.field import Deaf, Field
from tests.chaos.storm.pools import StormPool
from tests.chaos.storm.schedule import Trouble


def kill_a_child(field: Field, trouble: Trouble, _now: float) -> str | None:
    """Kill a living child with SIGKILL."""
    pool, child = a_child(field, trouble.chance())
    if child is None:
        return None
    return f"{pool.name} {_signal(child, signal.SIGKILL)}"


def stop_a_child(field: Field, trouble: Trouble, now: float) -> str | None:
    """Stop a child, for less than its lease or for longer."""
    pool, child = a_child(field, trouble.chance())
    if child is None:
        return None
    back_at = now + trouble.lasts_s
    field.agenda.at(back_at, lambda: _go_on(child))
    field.deaf.append(Deaf(now, back_at, pool.name, child.pid))
    return f"{pool.name} {_signal(child, signal.SIGSTOP)}"


def kill_a_supervisor(field: Field, trouble: Trouble, now: float) -> str:
    """Kill a supervisor with SIGKILL; its pool is started again."""
    return _end(field, trouble, now, signal.SIGKILL)


def stop_a_supervisor(field: Field, trouble: Trouble, now: float) -> str:
    """Stop a supervisor; its children go on."""
    pool = _pool(field, trouble.chance())
    pool.signal(signal.SIGSTOP)
    field.agenda.at(now + trouble.lasts_s, lambda: pool.signal(signal.SIGCONT))
    return pool.name


def drain_a_pool(field: Field, trouble: Trouble, now: float) -> str:
    """End a pool with SIGTERM; it is started again."""
    return _end(field, trouble, now, signal.SIGTERM)


def stop_a_pool(field: Field, trouble: Trouble, now: float) -> str:
    """End a pool with two SIGTERMs: it gives its leases back; it is started again."""
    pool = _pool(field, trouble.chance())
    pool.signal(signal.SIGTERM)
    second_at = now + trouble.lasts_s / 2
    field.agenda.at(second_at, lambda: pool.signal(signal.SIGTERM, now + trouble.lasts_s))
    return pool.name


def a_child(field: Field, chance: random.Random) -> tuple[StormPool, psutil.Process | None]:
    """Any living child and its pool; None where none lives."""
    living = [(pool, child) for pool in field.pools for child in pool.children()]
    return chance.choice(living) if living else (field.pools[0], None)


def _end(field: Field, trouble: Trouble, now: float, number: signal.Signals) -> str:
    pool = _pool(field, trouble.chance())
    pool.signal(number, back_at=now + trouble.lasts_s)
    return pool.name


def _pool(field: Field, chance: random.Random) -> StormPool:
    return chance.choice(field.pools)


def _signal(child: psutil.Process, number: signal.Signals) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        child.send_signal(number)
    return child.pid


def _go_on(child: psutil.Process) -> None:
    _signal(child, signal.SIGCONT)
