"""A log file that never stands in the way: what cannot be written is dropped.

Lines are whole or not there at all. Used by one process at a time; loguru calls `write` under a
lock of its own.
"""

import contextlib
import os
import sys
from pathlib import Path

LARGEST_BYTES = 20_000_000
_KEPT = 5


class LogFile:
    """Appends to `path`. At `largest_bytes` it becomes `….1`, that one `….2`, up to `kept` files.

    A trouble with the file is said once on stderr, and again when another one follows a success.
    """

    def __init__(self, path: Path, largest_bytes: int = LARGEST_BYTES, kept: int = _KEPT) -> None:
        self._path = path
        self._largest_bytes = largest_bytes
        self._kept = kept
        self._fd: int | None = None
        self._size = 0
        self._failing = False

    def write(self, text: str) -> None:
        """Append `text`, which ends with a newline. Never raises for what the file does."""
        try:
            self._append(text.encode(errors="backslashreplace"))
        except OSError as error:
            if not self._failing:
                words = f"{self._path} cannot be written ({error.strerror}); the work goes on"
                print(words, file=sys.stderr, flush=True)  # noqa: T201 - the log itself is broken
            self._failing = True
        else:
            self._failing = False

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None

    def _append(self, line: bytes) -> None:
        fd = self._opened()
        if self._size and self._size + len(line) > self._largest_bytes:
            self._rotate()
            fd = self._opened()
        try:
            written = os.write(fd, line)
            if written < len(line):
                written += os.write(fd, line[written:])  # says why not
            self._size += written
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, self._size)
            self.close()
            raise

    def _opened(self) -> int:
        if self._fd is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, 0o666)
            self._size = os.fstat(self._fd).st_size
        return self._fd

    def _rotate(self) -> None:
        self.close()
        for number in range(self._kept - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
