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

    Raises `DeviceHeld`. The file is closed by the kernel with the last process that has it.
    """
    folder = lock_dir()
    folder.mkdir(exist_ok=True)
    _open_to_all(folder, 0o777)
    path = folder / f"{uuid}.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW)
    _open_to_all(path, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.pread(fd, 500, 0).decode(errors="replace").strip()
        os.close(fd)
        raise DeviceHeld(f"held by {other or 'another pool'}") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, holder.encode(), 0)
    return fd


def _open_to_all(path: Path, mode: int) -> None:
    """Let pools of other users lock here too, whatever this one's umask; who made it sees to it."""
    with contextlib.suppress(PermissionError):
        path.chmod(mode)
