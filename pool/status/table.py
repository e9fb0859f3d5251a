"""The status as a table for a person. Imported only where one is drawn: rich is not light."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Group, JustifyMethod, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pool.status.schema import CurrentTask, SlotStatus, Status
from pool.status.status_file import Found
from pool.supervisor.states import GIVEN_UP, WORKING

_BAR_WIDTH = 12
_BAR_FROM = 120


@dataclass(frozen=True)
class _Column:
    """One column: how a slot's cell is drawn, and the narrowest terminal that it is shown on."""

    title: str
    cell: Callable[[SlotStatus], RenderableType]
    from_width: int = 0
    right: bool = False
    of_gpus: bool = False


def screen(found: Found, width: int) -> RenderableType:
    """Everything about the pool, for a terminal of `width` columns; 40 are a phone's."""
    status = found.status
    return Group(_headline(found), _slots(status, width), *_reasons(status))


def _headline(found: Found) -> Text:
    pool = found.status.pool
    text = Text()
    text.append(f"pool {pool.id}", style="bold")
    text.append(f"  {pool.state}", style=_pool_style(pool.state))
    if found.stale:
        text.append(f"  status {found.age_s:.0f} s old", style="red")
    text.append(f"  {pool.mode}  up {_span(pool.uptime_s)}  pid {pool.pid}  {pool.api_url}")
    return text


def _slots(status: Status, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    with_gpu = any(slot.device is not None for slot in status.slots)
    shown = [
        column
        for column in _columns(width)
        if width >= column.from_width and (with_gpu or not column.of_gpus)
    ]
    for column in shown:
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, no_wrap=True)
    for slot in status.slots:
        table.add_row(*(column.cell(slot) for column in shown))
    return table


def _columns(width: int) -> Iterator[_Column]:
    yield _Column("slot", lambda slot: slot.slot)
    yield _Column("state", lambda slot: Text(slot.state, style=_slot_style(slot.state)))
    yield _Column("memory", _memory, 80, of_gpus=True)
    yield _Column("load", _load, _BAR_FROM, right=True, of_gpus=True)
    yield _Column("temp", _temperature, 80, right=True, of_gpus=True)
    yield _Column("task", lambda slot: slot.current.item_id[:8] if slot.current else "-", _BAR_FROM)
    yield _Column("stage", lambda slot: _stage(slot.current, with_bar=width >= _BAR_FROM))
    yield _Column("left", _left, 60, right=True)
    yield _Column("lease", _lease, 132, right=True)
    yield _Column("ok/fail/lost", _counts, 60, right=True)
    yield _Column("restarts", lambda slot: str(slot.restarts), _BAR_FROM, right=True)


def _memory(slot: SlotStatus) -> str:
    gpu = slot.gpu
    if gpu is None or gpu.memory_used_bytes is None or gpu.memory_total_bytes is None:
        return "unknown"
    return f"{gpu.memory_used_bytes / 2**30:.1f}/{gpu.memory_total_bytes / 2**30:.0f} GiB"


def _load(slot: SlotStatus) -> str:
    gpu = slot.gpu
    return "-" if gpu is None or gpu.utilization_percent is None else f"{gpu.utilization_percent}%"


def _temperature(slot: SlotStatus) -> str:
    gpu = slot.gpu
    return "-" if gpu is None or gpu.temperature_c is None else f"{gpu.temperature_c}°C"


def _stage(current: CurrentTask | None, *, with_bar: bool) -> RenderableType:
    if current is None:
        return "-"
    if not current.steps:
        return current.stage
    if not with_bar:
        return f"{current.stage} {current.progress:.0%}"
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=1.0, completed=current.progress, width=_BAR_WIDTH)
    row.add_row(current.stage, bar, f"{current.progress:.0%}")
    return row


def _left(slot: SlotStatus) -> str:
    current = slot.current
    return "-" if current is None or current.eta_s is None else _span(current.eta_s)


def _lease(slot: SlotStatus) -> str:
    return "-" if slot.current is None else _span(slot.current.lease_remaining_s)


def _counts(slot: SlotStatus) -> str:
    return f"{slot.tasks_completed}/{slot.tasks_failed}/{slot.tasks_lost}"


def _reasons(status: Status) -> Iterator[Text]:
    for slot in status.slots:
        if slot.reason is not None and slot.state not in WORKING:
            yield Text(f"{slot.slot}: {slot.reason}", style=_slot_style(slot.state))


def _pool_style(state: str) -> str:
    return {"running": "green", "draining": "yellow"}.get(state, "red")


def _slot_style(state: str) -> str:
    if state in GIVEN_UP:
        return "red"
    return "green" if state in WORKING else "yellow"


def _span(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
