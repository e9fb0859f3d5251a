"""A child as its slot holds it, and how one comes into the world."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pool.gpu.readings import Device
from pool.messages import Message, ToSupervisor


class Child(Protocol):
    """The handle on one child. Implemented by `pool.supervisor.child_process.ChildProcess`."""

    @property
    def pid(self) -> int: ...
    def fileno(self) -> int: ...
    def tell(self, message: Message) -> None: ...
    def hear(self) -> list[ToSupervisor]: ...
    def signal(self, *numbers: signal.Signals) -> None: ...
    def dump_stacks(self) -> None: ...
    def returncode(self) -> int | None: ...
    def rss_bytes(self) -> int | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Newborn:
    """A child that was just started."""

    child: Child
    worker_id: str


@dataclass(frozen=True)
class SlotFacts:
    """What a slot is for as long as the pool lives."""

    name: str
    device: Device | None
    launch: Callable[[int], Newborn]
    """Starts the child of the given incarnation."""
