"""The status page's process.

    python -m pool.web.main STATE_DIR HOST:PORT      started and watched by the supervisor
    bin/pool-status --http HOST:PORT                 alone, beside a pool or after it

With a supervisor, it ends with it: by the kernel's parent-death signal, and when stdin ends.
"""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from pool.parent_death import die_with_parent
from pool.state_dir import StateDir
from pool.web.address import Address, parse_address
from pool.web.recorder import Recorder
from pool.web.server import PageServer

_USAGE = 2


def serve(state_dir: Path, http: str) -> int:
    """Serve the page until Ctrl-C or SIGTERM; the exit code."""
    try:
        address = parse_address(http)
    except ValueError as error:
        return _refuse(f"--http: {error}")
    recorder = Recorder(StateDir(state_dir))
    try:
        server = PageServer(address, recorder)
    except OSError as error:
        return _refuse(f"{address} cannot be listened on ({error.strerror}); give another port")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            recorder.start()
            _announce(server.address)
            server.serve_forever()
    finally:
        server.server_close()
        recorder.close()
    return 0


def _announce(address: Address) -> None:
    if not address.on_loopback:
        warning = f"the status page at {address} is open to the network, without a password"
        print(f"pool-status: warning: {warning}", file=sys.stderr)  # noqa: T201 - the output
    print(f"the status page: http://{address}/", flush=True)  # noqa: T201 - likewise


def main(arguments: list[str]) -> int:
    """Serve the page for the supervisor that started this process."""
    if not die_with_parent(os.getppid()):
        return 0
    threading.Thread(target=_leave_with_stdin, daemon=True).start()
    code = serve(Path(arguments[0]), arguments[1])
    # The thread above sits in a read of stdin, whose lock the interpreter's shutdown would want.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _leave_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _refuse(sentence: str) -> int:
    print(f"pool-status: {sentence}", file=sys.stderr)  # noqa: T201 - the command's output
    return _USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
