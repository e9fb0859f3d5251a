"""A Runway that costs nothing, in place of the real one: the double that the tests use.

It is started as a process of its own, as the server and the pool are; nothing of it is imported.
Each of its videos is the photo itself, slowly coming nearer.
"""

import sys

from demo.folder import DemoFolder
from demo.process import Process
from demo.services import ROOT, clean_environment

KEY = "key-of-the-double"
PROVIDER = "gen4_turbo"
_SERVING = "serving "


def start_double(folder: DemoFolder) -> tuple[Process, str]:
    """Start the double and wait until it answers; the process and its URL. Raises `DemoFailed`."""
    command = (sys.executable, "-P", "-m", "tests.fakes.runway", "--key", KEY)
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    double = Process(command, folder.logs / "runway-double.log", folder.path, environment)
    line = double.first_line()
    if not line.startswith(_SERVING):
        double.wait()
        double.check()
    return double, line.removeprefix(_SERVING).strip()
