"""Opening the database: SQLite in a file, or PostgreSQL.

Both give what leases need: a transaction that reads a task and then writes it, with nobody between
the two. SQLite gives it by taking the one write lock when the transaction begins; PostgreSQL by
locking the row, and skipping rows that others have locked.
"""

import sqlite3

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from server.errors import ConfigError
from server.tables import METADATA

SQLITE_WAIT_S = 30
"""How long a transaction waits for SQLite's write lock; each holds it for milliseconds."""


def open_database(url: URL) -> Engine:
    """A pool of connections to `url`, its tables made. Raises `ConfigError` if it cannot be opened.

    Values never appear in its errors: a prompt is somebody's private text.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": SQLITE_WAIT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
    try:
        METADATA.create_all(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        where = url.render_as_string(hide_password=True)
        raise ConfigError(f"cannot open the database {where}: {_reason(error)}") from error
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # sqlite3 would begin transactions by itself, and only at the first write: too late for us.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _reason(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
