"""What the end of a child means. Pure."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pool.exit_codes import ExitCode
from pool.messages import Current
from pool.supervisor.states import SlotEvent

_UNUSABLE = {ExitCode.CONFIG, ExitCode.UNAUTHORIZED}
_ENDED_AS_ASKED = {ExitCode.CLEAN, ExitCode.STOPPED, ExitCode.WORN_OUT}

_WORDS = {
    ExitCode.CLEAN: "ended without being asked to",
    ExitCode.CONFIG: "the settings or the weights are wrong",
    ExitCode.NO_DEVICE: "wrong device",
    ExitCode.UNAUTHORIZED: "the Worker API refuses the key (401)",
    ExitCode.DEVICE_UNFIT: "it could make no further video",
    ExitCode.ORPHANED: "it lost its supervisor",
    ExitCode.STOPPED: "it was stopped",
    ExitCode.WORN_OUT: "its memory had drifted",
}


@dataclass(frozen=True)
class ChildExit:
    """How a child process ended: a code, or the number of the signal that killed it.

    `said` is the reason that the child gave with its last message, if it came to that; `hung` says
    where it made no progress, if it was ended for that.
    """

    code: int | None
    signal: int | None
    said: str
    hung: str = ""

    @classmethod
    def of(cls, returncode: int, said: str, hung: str = "") -> "ChildExit":
        """The exit behind a return code of the operating system's."""
        if returncode < 0:
            return cls(None, -returncode, said, hung)
        return cls(returncode, None, said, hung)

    @property
    def reason(self) -> str:
        """The exit in words."""
        if self.hung:
            return self.hung
        if self.signal is not None:
            return f"killed by {_signal_name(self.signal)}"
        if self.said:
            return self.said
        try:
            return _WORDS[ExitCode(self.code or 0)]
        except (ValueError, KeyError):
            return f"ended with code {self.code}"

    def event(self, *, draining: bool) -> SlotEvent:
        """What this exit is to its slot, breakers aside."""
        if draining and self.code in _ENDED_AS_ASKED:
            return SlotEvent.FINISHED
        if self.code == ExitCode.WORN_OUT:
            return SlotEvent.WORN_OUT
        if self.code in _UNUSABLE:
            return SlotEvent.UNUSABLE
        if self.code == ExitCode.NO_DEVICE:
            return SlotEvent.DIED_TOO_OFTEN
        return SlotEvent.DIED


@dataclass(frozen=True)
class LastExit:
    """How the former child ended, and when (wall-clock, for people)."""

    exit: ChildExit
    at: datetime


def suspects(tasks: Sequence[Current]) -> list[str]:
    """The items that a child may have died of: those that it was computing on."""
    return [task.item_id for task in tasks if task.computing]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time signals have no names of their own
        return f"signal {number}"
