"""E1 to E4: what must hold when everything is over.

E1  every item ended, completed with a playable video or failed with a reason for people
E2  no item was completed without bytes, or completed and then failed
E3  no process, no held lock and no temporary file is left
E4  no secret was sent or written where it does not belong
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checker.history import History
from tests.checker.model import Expectations, Store, Violation
from tests.checker.report_rules import why_not_understood
from tests.fakes.bad_server.items import Item


def check_end(history: History, store: Store, expect: Expectations) -> Iterator[Violation]:
    """Every violation of E1, E2, and of E4 as far as the server could see it."""
    for item in store.items():
        yield from _ended_well(item, store, expect)
    yield from _never_unmade(history)
    for entry in history.log:
        for leak in entry.leaks:
            yield Violation("E4", f"the server was sent {leak}", (entry,))


def _ended_well(item: Item, store: Store, expect: Expectations) -> Iterator[Violation]:
    if item.status == "completed":
        yield from _has_its_video(item, store, expect)
    elif item.status == "failed":
        why = why_not_understood(item.error_message)
        if why:
            sentence = f"{item.item_id} failed with {item.error_message!r}: {why}"
            yield Violation("E1", sentence)
    elif expect.finished:
        yield Violation("E1", f"{item.item_id} never ended: it is {item.status}")


def _has_its_video(item: Item, store: Store, expect: Expectations) -> Iterator[Violation]:
    stored = store.objects().get(item.video_path)
    if stored is None:
        yield Violation("E2", f"{item.item_id} is completed and has no video")
        return
    why = expect.why_not_playable(stored.data)
    if why:
        yield Violation("E1", f"the video of {item.item_id} does not play: {why}")


def _never_unmade(history: History) -> Iterator[Violation]:
    for entry in history.log:
        effect = entry.effect
        if effect and effect.kind == "failed" and effect.previous_status == "completed":
            sentence = f"{effect.item_id} was completed and then turned into failed"
            yield Violation("E2", sentence, (entry,))


@dataclass(frozen=True)
class Leftovers:
    """What is still there after the pool has ended."""

    processes: tuple[int, ...] = ()
    locks: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


def gather_leftovers(pids: Iterable[int], state_dir: Path, temp_dir: Path) -> Leftovers:
    """Look for living processes of `pids`, held locks in the state folder, temporary files."""
    return Leftovers(
        processes=tuple(pid for pid in pids if _lives(pid)),
        locks=tuple(path for path in state_dir.rglob("*") if _is_held(path)),
        files=tuple(path for path in temp_dir.rglob("*") if path.is_file()),
    )


def check_leftovers(found: Leftovers) -> list[Violation]:
    """Every violation of E3."""
    named = [
        *(f"process {pid} still runs" for pid in found.processes),
        *(f"the lock {path} is still held" for path in found.locks),
        *(f"the temporary file {path} is left" for path in found.files),
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


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


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
