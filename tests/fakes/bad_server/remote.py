"""The fake server in a process of its own, and the test's hold on it.

The control file, written whole once the server listens, holds its URL and key and the address of
an admin socket, over which the test calls the methods of `BadServer` as if it were in its process.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import cast

from tests.fakes.bad_server.server import BadServer, Setup

LOCAL_ONLY = {"close", "wait_for", "url", "port", "key"}
ADMIN_CALLS = tuple(
    name for name in vars(BadServer) if not name.startswith("_") and name not in LOCAL_ONLY
)
START_LIMIT_S = 20.0


class _Admin(BaseManager):
    """The admin socket."""


@dataclass(frozen=True)
class Remote:
    """A running server; `admin` has every method of `BadServer` but `close` and `wait_for`."""

    url: str
    key: str
    pid: int
    admin: BadServer


def serve(setup: Setup, control: Path) -> None:
    """Run a server, and its admin socket, until the process is ended."""
    server = BadServer(setup)
    authkey = os.urandom(16)
    _Admin.register("server", callable=lambda: server, exposed=ADMIN_CALLS)
    admin = _Admin(("127.0.0.1", 0), authkey=authkey).get_server()
    _, port = cast("tuple[str, int]", admin.address)
    card = {"url": server.url, "key": server.key, "pid": os.getpid()}
    _write_whole(control, {**card, "admin_port": port, "authkey": authkey.hex()})
    admin.serve_forever()


def connect(control: Path) -> Remote:
    """The server that wrote a control file."""
    card = json.loads(control.read_text())
    _Admin.register("server", exposed=ADMIN_CALLS)
    authkey = bytes.fromhex(card["authkey"])
    manager = _Admin(("127.0.0.1", card["admin_port"]), authkey=authkey)
    manager.connect()
    proxy = manager.server()  # type: ignore[attr-defined]  # made by `register`
    return Remote(card["url"], card["key"], card["pid"], cast("BadServer", proxy))


@contextlib.contextmanager
def launched(folder: Path) -> Iterator[Remote]:
    """A server in a process of its own; its log and control file are in `folder`."""
    control = folder / "control.json"
    command = [sys.executable, "-m", "tests.fakes.bad_server", "--port", "0"]
    files = ["--log", str(folder / "requests.jsonl"), "--control", str(control)]
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([*command, *files], cwd=root) as process:
        try:
            _await_file(control, process)
            yield connect(control)
        finally:
            process.terminate()


def _await_file(control: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not control.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the fake server did not start; its standard error says why")
        time.sleep(0.02)


def _write_whole(path: Path, content: object) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(content))
    draft.replace(path)
