"""What the faults of processes and hosts have in common."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHAOTIC = "tests.chaos.chaotic_backend:ChaoticBackend"


class SmallDisk:
    """A disk of its own, of a megabyte. Mounted by root alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with contextlib.suppress(OSError), self._ballast.open("wb") as ballast:
            while True:
                ballast.write(b"x" * 4096)
                ballast.flush()

    def make_room(self) -> None:
        self._ballast.unlink()

    @contextlib.contextmanager
    def sealed(self, name: str) -> Iterator[None]:
        """Have nothing in the folder `name` that can be opened or made to be written."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], check=True)
        yield
        subprocess.run(["umount", "-l", folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def disk(tmp_path):
    """A small disk; it outlives the pool's end and the judgement, which come later."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    try:
        made = SmallDisk(tmp_path / "disk")
    except subprocess.CalledProcessError:
        pytest.skip("this container may not mount a small disk")
    yield made
    made.unmount()
