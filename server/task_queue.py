"""The workers' side of the database: take a task, renew its lease, say how it ended.

Every method is one transaction that reads the task under a lock, asks `server.leases` what may
happen, and writes it. They block; the routes call them from worker threads, many at once, and
several servers may share one PostgreSQL database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, or_, update

from server import leases
from server.errors import NotFound
from server.leases import Lease, Status
from server.tables import ITEMS
from server.tasks import Task, read_task, select_tasks

LOCAL_PROVIDER = "wan_local"


class WorkerType(StrEnum):
    """The two kinds of workers. Each is given only the tasks that it can do."""

    WAN = "wan"
    RUNWAY = "runway"


@dataclass(frozen=True)
class Completed:
    """A worker's report that the video is stored at `video_storage_path`."""

    video_storage_path: str
    veo_operation_id: str | None = None
    runway_task_id: str | None = None


class TaskQueue:
    """The tasks in the order of their age, and the leases on them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next_task(
        self, worker_id: str, worker_type: WorkerType, duration_s: int, now: float
    ) -> Task | None:
        """Lease the oldest free task of the worker's kind for `duration_s`; None if there is none.

        A task is free while it is pending, and again once its lease has lapsed.
        """
        query = _free_tasks(worker_type, now)
        with self._engine.begin() as connection:
            # A task that lapsed too often fails here, and the next one is looked at.
            while (row := connection.execute(query).first()) is not None:
                task = read_task(row)
                task = replace(task, lease=leases.take(task.lease, worker_id, duration_s, now))
                if task.lease.status is Status.PROCESSING:
                    _write(connection, task.item_id, task.lease, started_at_s=now)
                    return task
                _write(connection, task.item_id, task.lease, finished_at_s=now)
        return None

    def heartbeat(self, item_id: str, worker_id: str, extend_s: int, now: float) -> Lease:
        """Renew the holder's lease and return it. Raises `NotFound` for anybody else."""
        with self._locked(item_id) as (connection, lease):
            renewed = leases.renew(lease, worker_id, extend_s, now)
            _write(connection, item_id, renewed)
        return renewed

    def complete(
        self, item_id: str, worker_id: str, report: Completed, now: float, *, stored: bool
    ) -> None:
        """End the task well. A repeated report changes nothing.

        `stored`: whether the video's object exists. Raises `Forbidden`, `NotFound`, `BadRequest`.
        """
        with self._locked(item_id) as (connection, lease):
            ended = leases.complete(lease, worker_id, stored=stored)
            if ended is not None:
                _write(connection, item_id, ended, finished_at_s=now, **asdict(report))

    def fail(self, item_id: str, worker_id: str, error_message: str, now: float) -> None:
        """End the task as failed. A repeated report changes nothing.

        Raises `Forbidden` or `NotFound`.
        """
        with self._locked(item_id) as (connection, lease):
            ended = leases.fail(lease, worker_id, error_message)
            if ended is not None:
                _write(connection, item_id, ended, finished_at_s=now)

    def in_work(self, item_id: str) -> bool:
        """Whether some worker holds the task, its lease lapsed or not."""
        with self._engine.begin() as connection:
            row = connection.execute(_by_id(item_id)).first()
        return row is not None and read_task(row).lease.status is Status.PROCESSING

    @contextmanager
    def _locked(self, item_id: str) -> Iterator[tuple[Connection, Lease]]:
        with self._engine.begin() as connection:
            row = connection.execute(_by_id(item_id).with_for_update(of=ITEMS)).first()
            if row is None:
                raise NotFound("no task with this item_id")
            yield connection, read_task(row).lease


def _free_tasks(worker_type: WorkerType, now: float) -> Select[tuple[object, ...]]:
    lapsed = and_(ITEMS.c.status == Status.PROCESSING, ITEMS.c.leased_until_s <= now)
    return (
        select_tasks()
        .where(or_(ITEMS.c.status == Status.PENDING, lapsed))
        .where(ITEMS.c.retry_count < leases.MAX_RETRIES)
        .where(_is_for(worker_type))
        .order_by(ITEMS.c.number)
        .limit(1)
        # PostgreSQL: pass over what another request is leasing. SQLite knows no such clause and
        # needs none: its transactions begin with the write lock.
        .with_for_update(of=ITEMS, skip_locked=True)
    )


def _is_for(worker_type: WorkerType) -> ColumnElement[bool]:
    provider = ITEMS.c.inference_provider
    if worker_type is WorkerType.WAN:
        return or_(provider.is_(None), provider == LOCAL_PROVIDER)
    return and_(provider.is_not(None), provider != LOCAL_PROVIDER)


def _by_id(item_id: str) -> Select[tuple[object, ...]]:
    return select_tasks().where(ITEMS.c.item_id == item_id)


def _write(connection: Connection, item_id: str, lease: Lease, **columns: object) -> None:
    statement = update(ITEMS).where(ITEMS.c.item_id == item_id)
    connection.execute(statement.values(**asdict(lease), **columns))
