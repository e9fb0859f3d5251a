"""What the parent itself can see of this machine for `start-pool --check`. Starts nothing."""

import os
import resource
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from pool.finding import Finding, fine, wrong
from pool.settings.schema import Settings
from pool.web.address import Address, parse_address

_FILES_OF_A_CHILD = 256
_FILES_OF_THE_POOL = 64
_FILES_EACH = 4
"""What the pool's own process opens for each child: its pipe, its lock, and a moment's looks."""
_THREADS_EACH = 128
"""Of a child with torch: its own, those of the libraries, and those of a compiler."""


def host_findings(settings: Settings, children: int, *, running: bool) -> Iterator[Finding]:
    """Everything that can be seen without a process of its own.

    `running`: a pool works in this state folder already, so that its port is taken by right.
    """
    for folder in dict.fromkeys((settings.state_dir, settings.temp_dir, settings.log_dir)):
        yield folder_finding(folder, settings.min_free_disk_bytes)
    yield from limits(children)
    if settings.http is not None and not running:
        yield port_finding(parse_address(settings.http))


def limits(children: int) -> Iterator[Finding]:
    """Whether the system's limits leave room for so many children."""
    files = max(_FILES_OF_A_CHILD, _FILES_OF_THE_POOL + _FILES_EACH * children)
    yield limit_finding("open files", files, _soft(resource.RLIMIT_NOFILE), "-n")
    yield limit_finding("processes", _THREADS_EACH * children, _processes_left(), "-u")


def folder_finding(folder: Path, needed_bytes: int) -> Finding:
    """Whether files can be written in `folder` (or where it will be made), and for how long."""
    what = f"folder {folder}"
    place = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=place):
            free_bytes = shutil.disk_usage(place).free
    except OSError as error:
        remedy = "set state_dir, temp_dir and log_dir to folders of your own"
        return wrong(what, f"cannot be written ({error.strerror})", remedy)
    words = f"writable, {free_bytes / 1e9:.1f} GB free"
    if free_bytes < needed_bytes:
        remedy = f"make room for {needed_bytes / 1e9:.1f} GB, or lower min_free_disk_bytes"
        return wrong(what, words, remedy)
    return fine(what, words)


def limit_finding(what: str, needed: int, allowed: int | None, ulimit: str) -> Finding:
    """Whether a limit of the system leaves room for the children; `allowed` None: no limit."""
    if allowed is None:
        return fine(what, "no limit")
    words = f"{allowed} allowed, {needed} needed"
    if allowed < needed:
        return wrong(what, words, f"raise it before the start: ulimit {ulimit} {2 * needed}")
    return fine(what, words)


def port_finding(address: Address) -> Finding:
    """Whether the status page could listen there."""
    what = "status page"
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        return wrong(what, f"{address} is not free ({error.strerror})", "give --http another port")
    return fine(what, f"{address} is free")


def _soft(limit: int) -> int | None:
    soft, _ = resource.getrlimit(limit)
    return None if soft == resource.RLIM_INFINITY else soft


def _processes_left() -> int | None:
    """How many threads more this user, and this container, may start."""
    room = []
    if (soft := _soft(resource.RLIMIT_NPROC)) is not None and os.getuid() != 0:
        room.append(soft - _threads_of_this_user())
    try:
        most = Path("/sys/fs/cgroup/pids.max").read_text().strip()
        now = Path("/sys/fs/cgroup/pids.current").read_text().strip()
        room.append(int(most) - int(now))
    except (OSError, ValueError):
        pass  # no container, or one without a limit ("max")
    return min(room, default=None)


def _threads_of_this_user() -> int:
    mine = os.getuid()
    count = 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        uids = process.info["uids"]
        if uids is not None and uids.real == mine:
            count += process.info["num_threads"] or 0
    return count
