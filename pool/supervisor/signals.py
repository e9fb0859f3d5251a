"""Signals are only recorded; the loop acts on them when it comes round."""

import contextlib
import os
import signal
from types import FrameType

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def deafen() -> None:
    """Let no signal change the exit code of a pool that has ended.

    Python gives the signals back to the kernel on its way out, which takes a moment, and a second
    SIGTERM in that moment would turn a clean end into a death. Call it in the main thread.
    """
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)


class SignalRecorder:
    """Collects signals and wakes the loop. Create it in the main thread.

    `fd` becomes readable when a signal has come; `take` gives what came since the last call.
    A SIGHUP that is ignored already (nohup) stays ignored. The death of a child only wakes the
    loop, which looks for itself.
    """

    def __init__(self) -> None:
        self.fd, self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._numbers: list[int] = []
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in _ENDS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._record)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def take(self) -> list[int]:
        """The signals that came, in order."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 512):
                pass
        numbers, self._numbers = self._numbers, []
        return numbers

    def _record(self, number: int, _frame: FrameType | None) -> None:
        self._numbers.append(number)
