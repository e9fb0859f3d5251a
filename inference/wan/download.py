"""Weights from the hub, into its local cache: once, in one process, before any child starts.

A connection that breaks is taken up where it stopped; after a restart, finished files are not
fetched again. Nothing but what a load opens is fetched, and no pickle and no code is.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger

from inference.errors import BackendUnusable, TryLater
from inference.wan.checkpoint import HUB_ID, WANTED_FILES
from inference.wan.lora import on_the_hub
from inference.wan.settings import WanSettings

Report = Callable[[int, int], None]
"""`report(done_bytes, total_bytes)`; called from several threads, one at a time."""

_WAITS_S = (2.0, 5.0, 15.0, 30.0)
"""Before each further attempt after a trouble on the way; the library itself tries each file five
times."""


_ABANDONED_S = 3600.0


@dataclass(frozen=True)
class Wanted:
    """Files of one repository on the hub, by patterns of their names."""

    repo: str
    revision: str | None
    files: tuple[str, ...]


def wanted(settings: WanSettings) -> list[Wanted]:
    """What these settings name on the hub; nothing where everything is on disk."""
    found = []
    if HUB_ID.fullmatch(settings.model) and not Path(settings.model).expanduser().is_dir():
        found.append(Wanted(settings.model, settings.revision, WANTED_FILES))
    for lora in settings.loras.values():
        named = on_the_hub(lora)
        if named is not None:
            found.append(Wanted(named.repo, named.revision, (named.file,)))
    return found


def fetch(wants: list[Wanted], report: Report, sleep: Callable[[float], None] = time.sleep) -> None:
    """Download what is missing of each.

    Raises `BackendUnusable` for what can never be had, and `TryLater` where the hub stays out of
    reach; each in one line.
    """
    for want in wants:
        for wait_s in (*_WAITS_S, None):
            try:
                _fetch_one(want, report)
                break
            except _Interrupted as trouble:
                if wait_s is None:
                    raise TryLater(
                        f"{want.repo} could not be downloaded: {trouble}; finished files are "
                        "kept, start again to go on"
                    ) from trouble
                logger.warning("{}: {}; going on in {:g} s", want.repo, trouble, wait_s)
                sleep(wait_s)


class _Interrupted(Exception):
    """Trouble on the way that another attempt may not meet."""


def _fetch_one(want: Wanted, report: Report) -> None:
    # Slow to import, and not needed where everything is on disk.
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError

    asked: dict[str, Any] = {
        "repo_id": want.repo,
        "revision": want.revision,
        "allow_patterns": list(want.files),
    }
    try:
        files = snapshot_download(**asked, dry_run=True, tqdm_class=_meter(lambda _: None))
        missing_bytes = sum(file.file_size or 0 for file in files if file.will_download)
        if not files:
            raise BackendUnusable(f"{want.repo} on the hub has no {' nor '.join(want.files[:3])}")
        cache = Path(constants.HF_HUB_CACHE)
        _remove_remains(cache / f"models--{want.repo.replace('/', '--')}", time.time())
        _check_disk(want, missing_bytes, cache)
        counted = _Counted(missing_bytes, report)
        snapshot_download(**asked, tqdm_class=_meter(counted.add))
    except HFValidationError as error:
        raise BackendUnusable(f"{want.repo!r} is no name of a model on the hub") from error
    except BackendUnusable:
        raise
    except Exception as error:
        # The hub's client passes on what its transports raise, of which there are several.
        raise _translated(want, error) from error


def _translated(want: Wanted, error: Exception) -> Exception:
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    causes = [error, *filter(None, (error.__cause__, error.__context__))]
    for kind, sentence in (
        (GatedRepoError, "asks for its licence to be accepted: do so on its page and set HF_TOKEN"),
        (RepositoryNotFoundError, "is not on the hub, or is private: correct 'model' or 'lora'"),
        (RevisionNotFoundError, f"has no revision {want.revision!r}: correct 'revision' or 'lora'"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return BackendUnusable(f"{want.repo} {sentence}")
    # The client's own words speak of its calls; what happened stands in the cause.
    root = causes[min(1, len(causes) - 1)]
    words = str(root).partition("\n")[0] or type(root).__name__
    return _Interrupted(f"the hub could not be reached ({words})")


def _remove_remains(repository: Path, now: float) -> None:
    """Delete what a killed download left behind; the client gives each attempt a name of its own.

    `now` is wall-clock time. A file that is being written is younger than the limit.
    """
    for part in repository.glob("blobs/*.incomplete"):
        if now - part.stat().st_mtime > _ABANDONED_S:
            part.unlink(missing_ok=True)


def _check_disk(want: Wanted, missing_bytes: int, cache: Path) -> None:
    folder = next(path for path in (cache, *cache.parents) if path.exists())
    free_bytes = shutil.disk_usage(folder).free
    if missing_bytes > free_bytes:
        raise BackendUnusable(
            f"{want.repo} needs {missing_bytes / 1e9:.1f} GB more in {cache}, where "
            f"{free_bytes / 1e9:.1f} GB are free: make room, or set HF_HOME to a larger disk"
        )


class _Counted:
    """Adds up what the downloading threads say."""

    def __init__(self, total_bytes: int, report: Report) -> None:
        self._done_bytes = 0
        self._total_bytes = total_bytes
        self._report = report
        self._lock = threading.Lock()

    def add(self, more_bytes: int) -> None:
        with self._lock:
            self._done_bytes += more_bytes
            self._report(self._done_bytes, max(self._total_bytes, self._done_bytes))


def _meter(add: Callable[[int], None]) -> type:
    """The hub's own progress bar, showing nothing and telling `add` of the bytes that arrive."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]  # re-exported by hand

    class Meter(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # Several bars are made for one download; this one counts what is written to disk.
            self._counts = kwargs.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **{**kwargs, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            if self._counts and n:
                add(int(n))

    return Meter
