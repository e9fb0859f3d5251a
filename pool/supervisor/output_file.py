"""A cap on what a child and its libraries print into their file."""

import os
from pathlib import Path

LARGEST_BYTES = 10_000_000
_KEPT_BYTES = 1_000_000


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
        path.with_name(f"{path.name}.1").write_bytes(newest)
        os.truncate(path, 0)
    except OSError:
        return
