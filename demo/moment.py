"""How things stand at one moment: the server's table and the pool's status, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.admin_api import AdminApi
from demo.folder import DemoFolder
from demo.orders import Order
from pool.state_dir import StateDir
from pool.status.schema import CurrentTask
from pool.status.status_file import Found, NoPool, read_status


@dataclass(frozen=True)
class TaskMoment:
    """One task. `slot` holds it, if one does; `current` is there for the one that it speaks of.

    A child may hold two: one in inference, one before or after it.
    """

    order: Order
    status: str
    slot: str | None
    current: CurrentTask | None
    error: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("completed", "failed")

    @property
    def words(self) -> str:
        """Where it is, in a word or two."""
        if self.over or self.slot is None:
            return self.status
        return f"{self.current.stage} on {self.slot}" if self.current else f"held by {self.slot}"


@dataclass(frozen=True)
class Moment:
    """Everything at once. `pool` is None before the pool has written its first status."""

    tasks: tuple[TaskMoment, ...]
    pool: Found | None

    @property
    def over(self) -> bool:
        """Whether every task is."""
        return all(task.over for task in self.tasks)


def look(api: AdminApi, orders: Sequence[Order], folder: DemoFolder) -> Moment:
    """The present moment. Raises `DemoFailed` if the server does not answer."""
    rows = {str(task["item_id"]): task for task in api.tasks()}
    try:
        pool = read_status(StateDir(folder.state))
    except NoPool:
        pool = None
    return Moment(tuple(_task(order, rows[order.item_id], pool) for order in orders), pool)


def _task(order: Order, row: Mapping[str, Any], pool: Found | None) -> TaskMoment:
    slots = pool.status.slots if pool is not None else ()
    holder = next((slot for slot in slots if slot.worker_id == row["worker_id"]), None)
    current = holder.current if holder is not None else None
    if current is not None and current.item_id != order.item_id:
        current = None
    return TaskMoment(
        order=order,
        status=str(row["status"]),
        slot=holder.slot if holder is not None else None,
        current=current,
        error=row["error_message"],
    )
