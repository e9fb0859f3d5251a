"""The host's memory: what is still to be had, and what a process holds for itself."""

from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


class HostMemory:
    """Readings in bytes. `cgroup` is where the kernel shows the limits of this container."""

    def __init__(self, cgroup: Path = _CGROUP) -> None:
        self._cgroup = cgroup

    def available_bytes(self) -> int:
        """What new processes can have: of the host, and of this container where it has a limit.

        Nothing, where that cannot be read: then children load one after the other.
        """
        try:
            available = int(psutil.virtual_memory().available)
        except OSError:
            return 0
        left = self._left_in_container()
        return available if left is None else min(available, left)

    def private_bytes(self, pid: int) -> int:
        """What a process holds and shares with no other; 0 once it is gone.

        Weights that are mapped from their file are shared, and the kernel can drop them.
        """
        try:
            info = psutil.Process(pid).memory_info()
        except (psutil.Error, OSError):  # gone, or no file descriptor left to look with
            return 0
        return int(info.rss - info.shared)

    def _left_in_container(self) -> int | None:
        try:
            limit = int((self._cgroup / "memory.max").read_text())
            used = int((self._cgroup / "memory.current").read_text())
            stat = (self._cgroup / "memory.stat").read_text()
        except (OSError, ValueError):  # "max" is no number: there is no limit
            return None
        lines = dict(line.split() for line in stat.splitlines())
        return max(0, limit - used + int(lines.get("inactive_file", 0)))
