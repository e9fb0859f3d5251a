"""A host whose wall clock is set while its processes run; see the C file."""

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shifted_clock.c")


class ShiftedClock:
    """`folder` takes the library and the file that it reads."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "shifted_clock.so"
        self._file = folder / "shifted-by"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self._library]
        environ = {**os.environ, "LC_ALL": "C"}
        subprocess.run([*command, SOURCE, "-ldl"], check=True, env=environ)
        self.shift(0)

    def shift(self, seconds: int) -> None:
        """Set the clock so far from the true time."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(str(seconds))
        draft.replace(self._file)

    @property
    def environ(self) -> dict[str, str]:
        """What makes a process, and those that it starts, see this clock."""
        return {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK": str(self._file)}
