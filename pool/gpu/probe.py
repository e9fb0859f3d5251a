"""The process that talks to NVML, so that a sick driver hangs it and nobody else.

    python -m pool.gpu.probe          one line of JSON a second, until stdin ends or the parent dies
    python -m pool.gpu.probe --once   one such line, and the end
    python -m pool.gpu.probe --skip UUID …   and leave these devices alone

Before each device is asked, a line says which one: where no other comes, NVML hangs over that one.
Exit code 0, or 1 when NVML does not start; the line then says why.
"""

import contextlib
import os
import sys
import threading
import time

from pool.gpu.nvml import Nvml, NvmlUnusable
from pool.gpu.readings import Snapshot, to_line, to_question
from pool.parent_death import die_with_parent

PERIOD_S = 1.0


def main(arguments: list[str]) -> int:
    """Print the devices once, or readings for ever."""
    if not die_with_parent(os.getppid()):
        return 0
    threading.Thread(target=_leave_with_stdin, daemon=True).start()
    try:
        skipped = arguments[1:] if arguments[:1] == ["--skip"] else ()
        nvml = Nvml(lambda uuid: _write(to_question(uuid)), skipped)
    except NvmlUnusable as error:
        _print(Snapshot(error=str(error)))
        return 1
    if "--once" in arguments:
        _print(nvml.snapshot(time.time()))
        return 0
    while True:
        _print(nvml.snapshot(time.time()))
        nvml.collect_xids(PERIOD_S)


def _leave_with_stdin() -> None:
    """End this process when its parent closes the pipe, even while NVML hangs."""
    sys.stdin.buffer.read()
    os._exit(0)


def _print(snapshot: Snapshot) -> None:
    _write(to_line(snapshot))


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
