"""Whether there is room on disk for another task. Asked before every poll."""

import shutil
from collections.abc import Sequence
from pathlib import Path


def full_disk(folders: Sequence[Path], needed_bytes: int) -> str | None:
    """Which of these folders has too little room for a task, in words; None where all have it."""
    for folder in folders:
        try:
            free_bytes = shutil.disk_usage(folder).free
        except OSError as error:
            return f"{folder} cannot be used: {error.strerror}"
        if free_bytes < needed_bytes:
            return (
                f"the disk of {folder} has {free_bytes / 1e6:.0f} MB free and a task needs "
                f"{needed_bytes / 1e6:.0f}; make room"
            )
    return None
