"""A terminal with log lines that scroll, and one line below them that is kept up to date."""

import contextlib
import shutil
from typing import TextIO

_CLEAR = "\r\x1b[K"


class Terminal:
    """Writes to a terminal. Used by one thread.

    A terminal that is gone (a dropped SSH connection) costs its lines and nothing else.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""

    def write(self, text: str) -> None:
        """Log lines, above the line that stays. It is what loguru calls for every record."""
        with contextlib.suppress(OSError):
            self._stream.write(f"{_CLEAR}{text}{self._line}")
            self._stream.flush()

    def show(self, line: str) -> None:
        """Replace the line that stays; what does not fit is cut off."""
        columns = shutil.get_terminal_size().columns
        line = line if len(line) < columns else f"{line[: columns - 2]}…"
        if line != self._line:
            self._line = line
            self.write("")

    def close(self) -> None:
        """Take the line away."""
        self._line = ""
        self.write("")
