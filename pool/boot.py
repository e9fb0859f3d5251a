"""The kernel's name for this boot: monotonic times of one boot mean nothing in another."""

from pathlib import Path


def boot_id() -> str:
    """The kernel's name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
