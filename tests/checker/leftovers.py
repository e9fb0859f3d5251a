"""What only the host can show: E3, what is left behind, and E4 in files and command lines.

Processes are known by a mark in their environment, which everything that a pool starts inherits,
and not by pids that somebody noted: a process that nobody knows of is the one to look for.
"""

import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.checker.model import Expectations, Violation

MARK = "JUDGED_RUN"
"""The environment variable that holds a run's mark."""

_TEMPORARY = ("*.tmp", "*.part", ".*")


@dataclass(frozen=True)
class Leftovers:
    """What is still there after the pool has ended; each process in words."""

    processes: tuple[str, ...] = ()
    locks: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


def marked(mark: str) -> list[psutil.Process]:
    """The living processes that were started, by whomever, under this mark."""
    return [process for process in psutil.process_iter() if _bears(process, mark)]


def gather_leftovers(mark: str, folder: Path) -> Leftovers:
    """What a pool of this mark, with its state and temporary files in `folder`, left behind."""
    state, temp = folder / "state", folder / "temp"
    unfinished = [path for name in _TEMPORARY for path in state.rglob(name)]
    return Leftovers(
        processes=tuple(map(_in_words, marked(mark))),
        locks=tuple(path for path in state.rglob("*") if _is_held(path)),
        files=tuple(path for path in (*temp.rglob("*"), *unfinished) if path.is_file()),
    )


def check_leftovers(found: Leftovers, expect: Expectations | None = None) -> list[Violation]:
    """Every violation of E3."""
    may_stay = expect is not None and expect.files_may_stay
    named = [
        *(f"{process} still runs" for process in found.processes),
        *(f"the lock {path} is still held" for path in found.locks),
        *(f"the temporary file {path} is left" for path in found.files if not may_stay),
    ]
    return [Violation("E3", sentence) for sentence in named]


def find_secrets(secrets: Iterable[str], places: Iterable[Path]) -> list[Violation]:
    """Every violation of E4 in files, and in the files of folders. The secret is not repeated."""
    wanted = [secret.encode() for secret in secrets if secret]
    files = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    return [
        Violation("E4", f"{path} holds a key or a token")
        for path in files
        if any(secret in content for content in [path.read_bytes()] for secret in wanted)
    ]


def find_shown_secrets(
    secrets: Iterable[str], processes: Iterable[psutil.Process]
) -> list[Violation]:
    """Every violation of E4 in what `ps` shows to everybody on the host."""
    wanted = [secret for secret in secrets if secret]
    return [
        Violation("E4", f"the command line of process {process.pid} holds a key or a token")
        for process in processes
        for line in [_command_line(process)]
        if any(secret in line for secret in wanted)
    ]


def _bears(process: psutil.Process, mark: str) -> bool:
    try:
        environ = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except (OSError, PermissionError):
        return False
    return f"{MARK}={mark}".encode() in environ


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _in_words(process: psutil.Process) -> str:
    return f"process {process.pid} ({_command_line(process)[:120]})"


def _is_held(path: Path) -> bool:
    if not path.is_file():
        return False
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
