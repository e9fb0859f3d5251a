"""What was asked of Runway, on disk, shared by every child of the pool.

The order matters more than anything else here: an intent is on the disk before its request leaves,
and a task's id right after it is known. SQLite does the syncing and the locking; every call opens
the file anew, so that any thread may call, and a killed process leaves nothing locked.

Written by the device thread and by the thread of a create; read by the main thread as well.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.errors import TryLater
from inference.runway.attempts import (
    UNPAID,
    Attempt,
    Create,
    State,
    Step,
    next_step,
    verdicts,
)
from inference.runway.spending import Caps, Today, cap_reached, day_start, until_words
from inference.runway.ticker import show_today

FILE = "runway.sqlite3"

_KEPT_S = 90 * 86_400
_BUSY_S = 20.0
_GLANCE_S = 0.2

_SCHEMA = """
create table if not exists attempts (
    number integer primary key,
    item_id text not null,
    lease_id text not null,
    fingerprint text not null,
    state text not null,
    owner text not null,            -- the lease that watches the task now
    task_id text,
    model text not null,
    usd real not null,
    made_at real not null,          -- seconds since the epoch
    note text not null default '',
    maybe_twice integer not null default 0,
    resumed integer not null default 0,
    problems integer not null default 0
);
create index if not exists attempts_by_item on attempts (item_id);
create index if not exists attempts_by_time on attempts (made_at);
create table if not exists pause (
    only integer primary key check (only = 1),
    until real not null,
    why text not null
);
"""


@dataclass(frozen=True)
class Order:
    """What a create would ask for, as far as the journal needs to know."""

    item_id: str
    lease_id: str
    fingerprint: str
    model: str
    usd: float


@dataclass(frozen=True)
class Begun:
    """The intent is on the disk; `number` names it from now on."""

    number: int
    create: Create


@dataclass(frozen=True)
class Capped:
    """The day's cap leaves no room for this video."""

    reason: str


class Journal:
    """The journal in `folder`. `wall` gives the time in seconds since the epoch.

    Raises `TryLater` where the file cannot be read or written: without it nothing is paid for.
    """

    def __init__(self, folder: Path, caps: Caps, wall: Callable[[], float]) -> None:
        self._path = folder / FILE
        self._caps = caps
        self._wall = wall

    def create(self) -> None:
        """Make the folder and the file where there are none, and forget what is long past."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TryLater(f"{self._path.parent}: {error.strerror}") from error
        with self._opened() as db:
            db.executescript(_SCHEMA)
        with self._opened() as db:
            _migrate(db)
            db.execute("delete from attempts where made_at < ?", (self._wall() - _KEPT_S,))
            self._show(db)

    def step(self, order: Order) -> Step:
        """What `begin` would do, without doing it."""
        with self._opened(begin="begin") as db:
            return next_step(_past(db, order.item_id), order.lease_id, order.fingerprint)

    def begin(self, order: Order) -> Begun | Capped | Step:
        """Decide, and write the intent down at once where a create was decided."""
        with self._opened() as db:
            step = next_step(_past(db, order.item_id), order.lease_id, order.fingerprint)
            if not isinstance(step, Create):
                return step
            reason = cap_reached(self._today(db), self._caps, order.usd)
            if reason is not None:
                return Capped(reason)
            begun = Begun(_insert(db, order, step, self._wall()), step)
            self._show(db)
            return begun

    def adopt(self, number: int, lease_id: str) -> None:
        """An existing task is watched by `lease_id` from now on."""
        self._write(
            "update attempts set resumed = resumed + (owner <> ?1), owner = ?1 where number = ?2",
            lease_id,
            number,
        )

    def owned(self, number: int, lease_id: str) -> bool:
        """Whether the task is still this lease's to cancel."""
        with self._opened(begin="begin") as db:
            row = db.execute("select owner from attempts where number = ?", (number,)).fetchone()
            return row is not None and row[0] == lease_id

    def created(self, number: int, task_id: str, usd: float | None) -> None:
        """The create was answered: the task has an id, and a price if Runway named one.

        So the settings are good: what else was refused without a reason is blamed for it, once.
        """
        with self._opened() as db:
            db.execute(
                "update attempts set state = ?, task_id = ?, usd = coalesce(?, usd)"
                " where number = ?",
                (State.LIVE, task_id, usd, number),
            )
            _blame(db, number)
            self._show(db)

    def settle(self, number: int, state: State, note: str = "", usd: float | None = None) -> None:
        """What became of an attempt; `usd` is what it cost in the end, where that is known."""
        self._write(
            "update attempts set state = ?, note = ?, usd = coalesce(?, usd) where number = ?",
            state,
            note,
            usd,
            number,
        )

    def failed(self, number: int, note: str, usd: float | None = None) -> dict[int, str]:
        """Runway failed an attempt, through nobody's fault.

        Returns the failures since the last video, this one included: number to item.
        """
        self.settle(number, State.FAILED, note, usd)
        with self._opened(begin="begin") as db:
            return _failures(db)

    def done(self, number: int) -> None:
        """The attempt's video was found good, which judges the failures before it.

        Only the first time: a video that is fetched again says nothing about Runway of today.
        """
        with self._opened() as db:
            item = db.execute(
                "update attempts set state = ?1 where number = ?2 and state <> ?1"
                " returning item_id",
                (State.DONE, number),
            ).fetchone()
            if item is not None:
                _set_states(db, verdicts(_failures(db, item[0]), item[0]))

    def problem(self, number: int) -> int:
        """The attempt's video was definitely not to be had; in how many leases so far."""
        with self._opened() as db:
            row = db.execute(
                "update attempts set problems = problems + 1 where number = ? returning problems",
                (number,),
            ).fetchone()
            return 0 if row is None else int(row[0])

    def pause(self, seconds: float, why: str) -> None:
        """Take no new tasks on this host for a while; a longer pause is not cut short."""
        self._write(
            "insert into pause values (1, ?, ?) on conflict (only) do update"
            " set until = excluded.until, why = excluded.why where excluded.until > until",
            self._wall() + seconds,
            why,
        )

    def today(self) -> Today:
        """What this UTC day has brought so far."""
        with self._glance() as db:
            return self._today(db)

    def closed(self, next_usd: float) -> str | None:
        """Why no new task should be taken now: a pause, or a cap; None to go on."""
        with self._glance() as db:
            row = db.execute("select until, why from pause").fetchone()
            if row is not None and self._wall() < row[0]:
                return f"{row[1]}; paused {until_words(row[0])}"
            return cap_reached(self._today(db), self._caps, next_usd)

    def _today(self, db: sqlite3.Connection) -> Today:
        row = db.execute(
            "select count(*), coalesce(sum(usd), 0), coalesce(sum(resumed), 0),"
            " coalesce(sum(maybe_twice), 0) from attempts"
            " where made_at >= ? and state not in (?, ?, ?)",
            (day_start(self._wall()), *UNPAID),
        ).fetchone()
        return Today(*row)

    def _write(self, statement: str, *values: object) -> None:
        with self._opened() as db:
            db.execute(statement, values)
            self._show(db)

    def _show(self, db: sqlite3.Connection) -> None:
        show_today(self._path.parent, self._today(db), self._caps, self._wall())

    @contextmanager
    def _opened(
        self, wait_s: float = _BUSY_S, begin: str = "begin immediate"
    ) -> Iterator[sqlite3.Connection]:
        """One transaction, on the disk when the block ends well."""
        try:
            db = sqlite3.connect(self._path, timeout=wait_s, isolation_level=None)
            try:
                # EXTRA: the folder's entry is synced too, so not even a power cut undoes an intent.
                db.execute("pragma synchronous = extra")
                db.execute(begin)
                yield db
                if db.in_transaction:
                    db.execute("commit")
            finally:
                db.close()
        except sqlite3.Error as error:
            raise TryLater(f"the journal of paid tasks, {self._path}: {error}") from error

    def _glance(self) -> AbstractContextManager[sqlite3.Connection]:
        """A look that waits for nobody for long: the main thread asks."""
        return self._opened(_GLANCE_S, "begin")


def _migrate(db: sqlite3.Connection) -> None:
    """Bring an older version's journal up to date. In one transaction: other children do the same.

    Its failures were judged by another rule, and nobody knows what came out since: they count
    against nobody.
    """
    if "problems" not in {row[1] for row in db.execute("pragma table_info(attempts)")}:
        db.execute("alter table attempts add column problems integer not null default 0")
        excuse = "update attempts set state = ? where state = ?"
        db.execute(excuse, (State.EXCUSED, State.FAILED))


def _past(db: sqlite3.Connection, item_id: str) -> list[Attempt]:
    rows = db.execute(
        "select number, lease_id, fingerprint, state, task_id, note from attempts"
        " where item_id = ? order by number",
        (item_id,),
    )
    return [Attempt(n, lease, mark, State(s), task, note) for n, lease, mark, s, task, note in rows]


def _failures(db: sqlite3.Connection, item_id: str = "") -> dict[int, str]:
    """The failures that no video has judged yet, and those that count against `item_id`."""
    return dict(
        db.execute(
            "select number, item_id from attempts where state = ? or (state = ? and item_id = ?)",
            (State.FAILED, State.COUNTED, item_id),
        ).fetchall()
    )


def _set_states(db: sqlite3.Connection, states: Mapping[int, State]) -> None:
    db.executemany(
        "update attempts set state = ? where number = ?",
        [(state, number) for number, state in states.items()],
    )


def _blame(db: sqlite3.Connection, number: int) -> None:
    """Judge the refusals without a reason, now that the attempt `number` was taken.

    Each other item's last one counts against it; those before it may have had the same cause.
    """
    db.execute(
        "update attempts set state = ? where state in (?, ?)"
        " and item_id = (select item_id from attempts where number = ?)",
        (State.UNSENT, State.REBUFFED, State.BLAMED, number),
    )
    db.execute(
        "update attempts set state = ? where number in"
        " (select max(number) from attempts where state = ? group by item_id)",
        (State.BLAMED, State.REBUFFED),
    )
    db.execute("update attempts set state = ? where state = ?", (State.UNSENT, State.REBUFFED))


def _insert(db: sqlite3.Connection, order: Order, step: Create, now: float) -> int:
    cursor = db.execute(
        "insert into attempts (item_id, lease_id, fingerprint, state, owner, model, usd, made_at,"
        " maybe_twice) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.item_id,
            order.lease_id,
            order.fingerprint,
            State.INTENT,
            order.lease_id,
            order.model,
            order.usd,
            now,
            step.maybe_twice,
        ),
    )
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("the intent got no number")
    return cursor.lastrowid
