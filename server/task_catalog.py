"""The operator's side of the database: add photos and tasks, look at them, retry a failed one.

Every method is one transaction; they block, and the routes call them from worker threads.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import uuid4

from sqlalchemy import Connection, Engine, Select, insert, select, text, update

from server import leases
from server.errors import NotFound
from server.leases import Lease, Status
from server.tables import ITEMS, PHOTOS
from server.tasks import Task, read_task, select_tasks


@dataclass(frozen=True)
class Photo:
    """A photo that tasks can be made from. `photo_storage_path` is its name in its bucket."""

    photo_id: str
    group_id: str
    photo_storage_path: str


@dataclass(frozen=True)
class Order:
    """What a task is to become: a video of `frame_num` frames at 24 a second (None: default)."""

    photo_id: str
    prompt: str
    frame_num: int | None = None
    inference_provider: str | None = None


class TaskCatalog:
    """All photos and tasks, whatever their state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ping(self) -> None:
        """Raise SQLAlchemy's error if the database does not answer."""
        with self._engine.begin() as connection:
            connection.execute(text("SELECT 1"))

    def add_photo(self, photo: Photo, now: float) -> None:
        """Record a photo whose file is stored already."""
        with self._engine.begin() as connection:
            connection.execute(insert(PHOTOS).values(**asdict(photo), created_at_s=now))

    def has_photo(self, photo_storage_path: str) -> bool:
        """Whether a photo is stored under this name."""
        query = select(PHOTOS.c.photo_id).where(PHOTOS.c.photo_storage_path == photo_storage_path)
        with self._engine.begin() as connection:
            return connection.execute(query).first() is not None

    def add_task(self, order: Order, now: float) -> Task:
        """Put a task at the end of the queue. Raises `NotFound` without such a photo."""
        item_id = str(uuid4())
        photo = select(PHOTOS.c.photo_id).where(PHOTOS.c.photo_id == order.photo_id)
        with self._engine.begin() as connection:
            if connection.execute(photo).first() is None:
                raise NotFound("no photo with this photo_id")
            values = {**asdict(order), **asdict(Lease()), "item_id": item_id, "created_at_s": now}
            connection.execute(insert(ITEMS).values(values))
            return _read(connection, item_id)

    def task(self, item_id: str) -> Task:
        """One task. Raises `NotFound`."""
        with self._engine.begin() as connection:
            return _read(connection, item_id)

    def tasks(self, status: Status | None, after: int, limit: int) -> Sequence[Task]:
        """Up to `limit` tasks in the queue's order, those after place `after` in it."""
        query = select_tasks().where(ITEMS.c.number > after).order_by(ITEMS.c.number).limit(limit)
        if status is not None:
            query = query.where(ITEMS.c.status == status)
        with self._engine.begin() as connection:
            return [read_task(row) for row in connection.execute(query)]

    def retry(self, item_id: str) -> Task:
        """Make a failed task pending again, in its old place. Raises `NotFound`, `Conflict`."""
        with self._engine.begin() as connection:
            lease = leases.retry(_read(connection, item_id, locked=True).lease)
            statement = update(ITEMS).where(ITEMS.c.item_id == item_id)
            times = {"started_at_s": None, "finished_at_s": None}
            connection.execute(statement.values(**asdict(lease), **times))
            return _read(connection, item_id)


def _read(connection: Connection, item_id: str, *, locked: bool = False) -> Task:
    query: Select[tuple[object, ...]] = select_tasks().where(ITEMS.c.item_id == item_id)
    row = connection.execute(query.with_for_update(of=ITEMS) if locked else query).first()
    if row is None:
        raise NotFound("no task with this item_id")
    return read_task(row)
