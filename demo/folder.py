"""The demonstration's folder: one demo at a time uses it, and each begins afresh in it."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.errors import DemoFailed


@dataclass(frozen=True)
class DemoFolder:
    """What lies where. Everything but the weights is removed when the next demo begins."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held while a demo runs; also the sign that the folder is a demo's."""
        return self.path / "demo.lock"

    @property
    def weights(self) -> Path:
        """Tiny weights, kept from run to run."""
        return self.path / "weights"

    @property
    def server(self) -> Path:
        """The server's database, photos, videos and keys."""
        return self.path / "server"

    @property
    def config(self) -> Path:
        """The pool's config file."""
        return self.path / "pool.yaml"

    @property
    def state(self) -> Path:
        """The pool's state folder."""
        return self.path / "state"

    @property
    def temp(self) -> Path:
        """The pool's files of tasks in work."""
        return self.path / "temp"

    @property
    def logs(self) -> Path:
        """What server, pool and children say."""
        return self.path / "logs"

    @property
    def videos(self) -> Path:
        """The finished videos."""
        return self.path / "videos"

    def clear(self) -> None:
        """Remove what an earlier demo left and make the folders of this one."""
        for folder in (self.server, self.state, self.temp, self.logs, self.videos):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.weights, self.logs, self.videos):
            folder.mkdir(exist_ok=True)


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[DemoFolder]:
    """The folder, held for this process and cleared.

    Raises `DemoFailed` where another demo holds it, or where it holds somebody's other files.
    """
    folder = DemoFolder(path)
    if path.is_dir() and any(path.iterdir()) and not folder.lock.exists():
        raise DemoFailed(f"{path} holds other files; name an empty or a new folder: --data DIR")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.clear()
        yield folder
    except BlockingIOError:
        raise DemoFailed(
            f"another demo runs in {path}; end it, or name another folder: --data DIR"
        ) from None
    finally:
        os.close(fd)
