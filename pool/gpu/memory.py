"""Whether a dead process's memory has come back to its device. No clock, no I/O."""

from pool.gpu.readings import Reading

_SLACK_BYTES = 1 << 30
"""What a driver's own contexts and other small users may add meanwhile."""


class MemoryGate:
    """What keeps a slot's next child from its device: `held`, in words, or None."""

    def __init__(self) -> None:
        self.held: str | None = None
        self._used_before: int | None = None
        self._last_pid: int | None = None
        self._left_at = 0.0
        self._blind = False

    def seen(self, reading: Reading, pid: int | None, *, loaded: bool) -> None:
        """Take in a reading, while the slot's child is process `pid`, or None is there."""
        self._blind = False
        if pid is not None:
            self._last_pid = pid
            if not loaded and self._used_before is None:
                self._used_before = reading.memory_used_bytes
        elif self._last_pid is not None and reading.taken_at >= self._left_at:
            self.held = not_given_back(self._used_before, reading, self._last_pid)

    def left(self, at: float) -> None:
        """The process has ended, at this monotonic time: what was read before proves nothing."""
        self._left_at = at
        if self._last_pid is not None and not self._blind:
            self.held = "waits for a reading of the device's memory"

    def unknown(self) -> None:
        """Nobody can tell until the next reading: then nobody waits."""
        self.held, self._blind = None, True


def not_given_back(before_bytes: int | None, reading: Reading, dead_pid: int) -> str | None:
    """What a dead process still holds, in words; None once it is gone, or where nobody can tell.

    `before_bytes` is what was in use before that process came. In a container NVML may name
    processes by the host's numbers, so both signs are looked at: the process's number, and more
    memory in use than before.
    """
    holders = {process.pid: process.used_bytes for process in reading.processes or ()}
    if dead_pid in holders:
        return f"the device still lists dead process {dead_pid}{_size(holders[dead_pid])}"
    if before_bytes is None or reading.memory_used_bytes is None:
        return None
    extra_bytes = reading.memory_used_bytes - before_bytes
    if extra_bytes <= _SLACK_BYTES:
        return None
    others = ", ".join(f"process {pid}{_size(used)}" for pid, used in holders.items())
    held = f"{extra_bytes / 2**30:.1f} GiB more than before the child are in use on the device"
    return f"{held} ({others})" if others else held


def _size(used_bytes: int | None) -> str:
    return "" if used_bytes is None else f" with {used_bytes / 2**30:.1f} GiB"
