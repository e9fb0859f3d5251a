"""The host's memory: what is still to be had, and what a process holds for itself."""

from pathlib import Path

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
            available = _meminfo("MemAvailable")
        except OSError:
            return 0
        left = self._left_in_container()
        return available if left is None else min(available, left)

    def total_bytes(self) -> int:
        """All that there is of it. Raises OSError where that cannot be read."""
        total = _meminfo("MemTotal")
        limit = self._limit()
        return total if limit is None else min(total, limit)

    def private_bytes(self, pid: int) -> int:
        """What a process holds and shares with no other; 0 once it is gone.

        Weights that are mapped from their file are shared, and the kernel can drop them.
        """
        import psutil  # not for those who only look at the host: `pool-status` is quick

        try:
            info = psutil.Process(pid).memory_info()
        except (psutil.Error, OSError):  # gone, or no file descriptor left to look with
            return 0
        return int(info.rss - info.shared)

    def _left_in_container(self) -> int | None:
        limit = self._limit()
        if limit is None:
            return None
        try:
            used = int((self._cgroup / "memory.current").read_text())
            stat = (self._cgroup / "memory.stat").read_text()
        except (OSError, ValueError):
            return None
        lines = dict(line.split() for line in stat.splitlines())
        return max(0, limit - used + int(lines.get("inactive_file", 0)))

    def _limit(self) -> int | None:
        try:
            return int((self._cgroup / "memory.max").read_text())
        except (OSError, ValueError):  # "max" is no number: there is no limit
            return None


def _meminfo(key: str) -> int:
    """A line of /proc/meminfo, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = next((line.split()[1] for line in lines if line.startswith(f"{key}:")), "0")
    return int(kib) * 1024
