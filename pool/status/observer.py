"""One look at a pool: its status and what it has done lately. Light: no rich."""

import json
import time
from dataclasses import dataclass

from pool.exit_codes import StatusExitCode
from pool.state_dir import StateDir
from pool.status.host import Host, read_host
from pool.status.queue import read_queue
from pool.status.spent import SpentToday, read_spent
from pool.status.status_file import Found, NoPool, read_status
from pool.status.task_records import TaskRecord, TaskRecords
from pool.status.totals import Totals, totals
from pool.status.verdict import one_line, verdict


@dataclass(frozen=True)
class Look:
    """What was seen; `missing` says why there is nothing to see."""

    found: Found | None
    totals: Totals | None
    records: tuple[TaskRecord, ...] = ()
    missing: str = ""
    host: Host | None = None
    spent: SpentToday | None = None

    @property
    def exit_code(self) -> StatusExitCode:
        """What the command ends with after this look."""
        return StatusExitCode.NO_POOL if self.found is None else verdict(self.found)

    @property
    def line(self) -> str:
        """The look in one line."""
        return self.missing if self.found is None else one_line(self.found)

    def json(self, indent: int | None = None) -> str:
        """The status as it was promised, and beside it the totals, the host and the money.

        `null` where there is none.
        """
        whole = None
        if self.found is not None and self.totals is not None:
            status = self.found.status.model_dump(mode="json", by_alias=True)
            whole = {**status, "totals": self.totals.model_dump()}
            whole["host"] = None if self.host is None else self.host.model_dump()
            whole["spent_today"] = None if self.spent is None else self.spent.model_dump()
        return json.dumps(whole, indent=indent, ensure_ascii=False)


class Observer:
    """Looks at the pool of one state folder, as often as it is asked to."""

    def __init__(self, state_dir: StateDir) -> None:
        self._state_dir = state_dir
        self._records = TaskRecords(state_dir.tasks)

    def look(self) -> Look:
        """The pool as it is now."""
        try:
            found = read_status(self._state_dir)
        except NoPool as error:
            return Look(None, None, missing=str(error))
        alive = found.status.pool.state in ("running", "draining")
        queue = read_queue(self._state_dir, time.monotonic()) if alive else None
        records = self._records.read()
        written_at = time.time() - found.age_s
        lately = totals(found.status, records, queue, written_at)
        buys = found.status.pool.mode == "runway"
        spent = read_spent(self._state_dir, time.time()) if buys else None
        host = read_host(self._state_dir.path)
        return Look(found, lately, records, host=host, spent=spent)
