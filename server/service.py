"""What the routes work with, made once when the server starts."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from server.database import open_database
from server.errors import ConfigError
from server.keys import Keys, load_keys
from server.objects import Objects
from server.settings import Settings
from server.signing import Signer
from server.task_catalog import TaskCatalog
from server.task_queue import TaskQueue

Clock = Callable[[], float]
"""Seconds since the epoch."""


@dataclass(frozen=True)
class Service:
    """The parts behind the routes. All of them may be used from many threads at once."""

    queue: TaskQueue
    catalog: TaskCatalog
    objects: Objects
    signer: Signer
    keys: Keys
    clock: Clock


@contextmanager
def open_service(
    settings: Settings, base_url: str, environ: Mapping[str, str], clock: Clock = time.time
) -> Iterator[Service]:
    """Open folder, keys and database, and close the database in the end. Raises `ConfigError`.

    Presigned URLs begin with `base_url`, never with what a request's Host header claims.
    """
    objects, keys = _open_folder(settings.data, environ, clock())
    engine = open_database(settings.database)
    try:
        signer = Signer(keys.signing_secret, base_url)
        yield Service(TaskQueue(engine), TaskCatalog(engine), objects, signer, keys, clock)
    finally:
        engine.dispose()


def _open_folder(folder: Path, environ: Mapping[str, str], now: float) -> tuple[Objects, Keys]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # families' photos
        objects = Objects(folder)
        objects.sweep(now)
        return objects, load_keys(folder, environ)
    except OSError as error:
        raise ConfigError(f"cannot use --data {folder}: {error.strerror}") from error


def _service_of(request: Request) -> Service:
    return cast("Service", request.app.state.service)


ServiceDep = Annotated[Service, Depends(_service_of)]
