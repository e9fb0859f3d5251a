"""The two tables, on SQLite and PostgreSQL alike. Times are seconds since the epoch, in UTC."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from server.leases import Status

METADATA = MetaData()

PHOTOS = Table(
    "photos",
    METADATA,
    Column("photo_id", String(36), primary_key=True),
    Column("group_id", String(36), nullable=False),
    Column("photo_storage_path", Text, nullable=False, unique=True),
    Column("created_at_s", Double, nullable=False),
)

_STATUSES = ", ".join(f"'{status}'" for status in Status)

ITEMS = Table(
    "video_items",
    METADATA,
    # The queue's order: no two tasks are equally old, whatever the clock does.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("item_id", String(36), nullable=False, unique=True),
    Column("photo_id", ForeignKey(PHOTOS.c.photo_id), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("frame_num", Integer),
    Column("inference_provider", Text),
    Column("status", String(16), CheckConstraint(f"status IN ({_STATUSES})"), nullable=False),
    Column("worker_id", Text),
    Column("leased_until_s", Double),
    Column("released", Boolean, nullable=False),
    Column("lapses", Integer, nullable=False),
    Column("retry_count", Integer, nullable=False),
    Column("error_message", Text),
    Column("video_storage_path", Text),
    Column("veo_operation_id", Text),
    Column("runway_task_id", Text),
    Column("created_at_s", Double, nullable=False),
    Column("started_at_s", Double),
    Column("finished_at_s", Double),
    Index("video_items_by_status", "status", "number"),
    sqlite_autoincrement=True,
)
