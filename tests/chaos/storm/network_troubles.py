"""Troubles of networks: of one pool's way to the Worker API, or of everybody's to the storage."""

import random
from collections.abc import Callable, Mapping

from tests.chaos.storm.field import STORAGE, Deaf, Field
from tests.chaos.storm.schedule import Trouble
from tests.fakes.fault_proxy import BLACKHOLE, LOSS_AFTER_EFFECT, Weather

MOST_LATENCY_S = 0.6
WEATHERS: Mapping[str, Callable[[random.Random], Weather]] = {
    "slow network": lambda chance: Weather(latency_s=chance.uniform(0.05, MOST_LATENCY_S)),
    "trickle": lambda chance: Weather(bytes_per_s=chance.choice((1, 20, 400))),
    "answers lost": lambda _: LOSS_AFTER_EFFECT,
    "answers cut": lambda chance: Weather(reset_down_after_bytes=chance.randrange(1, 500)),
    "requests cut": lambda chance: Weather(reset_up_after_bytes=chance.randrange(1, 800)),
    "silence": lambda _: BLACKHOLE,
}


def change_the_weather(field: Field, trouble: Trouble, now: float) -> str:
    """Let a weather of the trouble's kind come, and clear up after it."""
    chance = trouble.chance()
    name = _way(field, chance)
    way, clear_at = field.ways[name], now + trouble.lasts_s
    weather = WEATHERS[trouble.kind](chance)
    way.weather = weather

    def clear_up() -> None:
        # Another weather may have come meanwhile; that one clears up by itself.
        if way.weather is weather:
            way.weather = Weather()

    field.agenda.at(clear_at, clear_up)
    _note(field, name, now, clear_at)
    return name


def cut_the_network(field: Field, trouble: Trouble, now: float) -> str:
    """Reset what is open, and refuse connections for a while."""
    name = _way(field, trouble.chance())
    field.ways[name].down()
    field.agenda.at(now + trouble.lasts_s, field.ways[name].up)
    _note(field, name, now, now + trouble.lasts_s)
    return name


def reset_connections(field: Field, trouble: Trouble, now: float) -> str:
    """Reset what is open, once."""
    name = _way(field, trouble.chance())
    field.ways[name].reset_all()
    _note(field, name, now, now)
    return name


def _way(field: Field, chance: random.Random) -> str:
    return chance.choice(list(field.ways))


def _note(field: Field, name: str, since_s: float, until_s: float) -> None:
    field.deaf.append(Deaf(since_s, until_s, None if name == STORAGE else name))
