"""The file that takes what a child and its libraries print, and the cap on it."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 10_000_000
_KEPT_BYTES = 1_000_000


def opened(path: Path) -> BinaryIO:
    """The file, to append to; or nowhere, since a disk that takes no words must not stop work."""
    try:
        return path.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def trim(path: Path, largest_bytes: int = LARGEST_BYTES, kept_bytes: int = _KEPT_BYTES) -> None:
    """Empty the file once it is too large; its newest part becomes `….1`.

    The child holds the file open and appends, so it cannot be renamed away: what is written between
    the copy and the cut is lost. A file that cannot be read or written stays as it is.
    """
    try:
        if path.stat().st_size <= largest_bytes:
            return
        with path.open("rb") as file:
            file.seek(-kept_bytes, os.SEEK_END)
            newest = file.read(kept_bytes)
        # Where this very file fills the disk, its newest part has no room beside it.
        with contextlib.suppress(OSError):
            path.with_name(f"{path.name}.1").write_bytes(newest)
        os.truncate(path, 0)
    except OSError:
        return
