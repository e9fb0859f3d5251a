"""A disk of its own, small enough to be filled: mounted where that is allowed, else played."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).with_name("small_disk.c")


class MountedDisk:
    """A disk of a megabyte. Raises CalledProcessError where this process may not mount one.

    OSError: there is no `mount` at all.
    """

    environ: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
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
        _run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder)
        yield
        _run("umount", "-l", folder)

    def close(self) -> None:
        _run("umount", "-l", self.folder)


class PlayedDisk:
    """The same to processes with `environ`, by a preloaded library: nothing is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        library = folder.with_suffix(".so")
        self._full, self._sealed = folder.with_suffix(".full"), folder.with_suffix(".sealed")
        _run("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl")
        self.environ = {"LD_PRELOAD": str(library), "SMALL_DISK": str(folder)}

    def fill(self) -> None:
        self._full.touch()

    def make_room(self) -> None:
        self._full.unlink()

    @contextlib.contextmanager
    def sealed(self, name: str) -> Iterator[None]:
        """Have nothing in the folder `name` that can be opened or made to be written."""
        (self.folder / name).mkdir(exist_ok=True)
        draft = self._sealed.with_suffix(".draft")
        draft.write_text(str(self.folder / name))
        draft.replace(self._sealed)
        yield
        self._sealed.unlink()

    def close(self) -> None:
        """Nothing is held."""


def small_disk(folder: Path) -> MountedDisk | PlayedDisk:
    """A small disk at `folder`, as real as this machine allows."""
    try:
        return MountedDisk(folder)
    except (subprocess.CalledProcessError, OSError):
        return PlayedDisk(folder)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})
