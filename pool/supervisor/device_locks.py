"""One child per GPU on this host, across pools: locks that the kernel drops with their holders.

The supervisor takes the lock and hands it to the slot's child as an open file, so that the device
stays locked while either of them lives: a child that outlived its supervisor for a moment still
holds the card's memory.
"""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path


class DeviceHeld(Exception):
    """Another pool holds the device; the message says which."""


def lock_dir() -> Path:
    """Where this host's device locks lie, the same for every pool of the host."""
    return Path(tempfile.gettempdir()) / "gpu-worker-pool-locks"


def lock_device(uuid: str, holder: str) -> int:
    """The open, locked file for a device; `holder` is what others will read in it.

    Raises `DeviceHeld`, and OSError where no lock can be made. The file is closed by the kernel
    with the last process that has it.
    """
    fd = _opened(lock_dir(), f"{uuid}.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.pread(fd, 500, 0).decode(errors="replace").strip()
        os.close(fd)
        raise DeviceHeld(f"held by {other or 'another pool'}") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, holder.encode(), 0)
    return fd


def _opened(folder: Path, name: str) -> int:
    """The open lock file. No link is followed: anybody may put one where these files lie."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _open_to_all(within, 0o777)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(name, flags, dir_fd=within)
    finally:
        os.close(within)
    _open_to_all(fd, 0o666)
    return fd


def _open_to_all(fd: int, mode: int) -> None:
    """Let pools of other users lock here too, whatever this one's umask; who made it sees to it."""
    with contextlib.suppress(PermissionError):
        os.fchmod(fd, mode)
