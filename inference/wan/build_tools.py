"""What torch's compiler calls on this machine, and whether it is there. Any process; no torch.

On a GPU it writes kernels through Triton, which compiles a small C module against Python for each.
"""

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path


def missing(environ: Mapping[str, str], headers: Path | None = None) -> list[str]:
    """What of it is not there, in words. `headers`: Python's own folder of them if None."""
    folder = headers or Path(sysconfig.get_path("include"))
    path = environ.get("PATH", os.defpath)
    names = [environ["CC"]] if environ.get("CC") else ["gcc", "clang"]
    absent = [] if any(shutil.which(name, path=path) for name in names) else [" or ".join(names)]
    return absent if (folder / "Python.h").exists() else [*absent, f"{folder}/Python.h"]
