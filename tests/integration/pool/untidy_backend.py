"""A backend that dies and leaves a process of its own behind, whose id it writes down."""

import os
import subprocess
import time
from pathlib import Path

from tests.fakes.quick_backend import QuickBackend


class UntidyBackend(QuickBackend):
    def infer(self, prepared, progress, cancel):
        left = subprocess.Popen(["sleep", "600"])
        draft = Path("left-behind.tmp")
        draft.write_text(str(left.pid))
        draft.replace("left-behind.pid")
        while not Path("left-behind.seen").exists():
            cancel.check()
            time.sleep(0.01)
        os._exit(1)
