"""What a child of these tests leaves behind for them."""

from pathlib import Path


def note_of_device(folder: Path, pid: int) -> Path:
    """The file in which child `pid` of the pool in `folder` notes its device's UUID."""
    return folder / f"device-of-{pid}"
