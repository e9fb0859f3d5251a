"""Standard output and error that never fail: a full disk or a reader that left costs the words.

Libraries print while they compute, so that an error here would end an inference, or the pool.
"""

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def secure_standard_streams() -> None:
    """Open what was started closed, and let no write to stdout or stderr raise.

    Call it first thing in the process: a file that took number 1 or 2 would be printed into.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(fd, True)
    sys.stdout = _forgiving(1, sys.stdout)
    sys.stderr = _forgiving(2, sys.stderr)


class _Forgiving(io.FileIO):
    """A file whose writes succeed, whatever becomes of them."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


def _forgiving(fd: int, before: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Forgiving(fd, "w", closefd=False)),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )
