"""The status as a table for a person. Imported only where one is drawn: rich is not light."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pool.status.schema import CurrentTask, Gpu, SlotStatus, Status
from pool.status.status_file import Found
from pool.supervisor.states import GIVEN_UP, WORKING

_BAR_WIDTH = 12


def screen(found: Found, width: int) -> RenderableType:
    """Everything about the pool, for a terminal of `width` columns."""
    status = found.status
    parts: list[RenderableType] = [_headline(found), _slots(status, wide=width >= 100)]
    parts.extend(_reasons(status))
    return Group(*parts)


def _headline(found: Found) -> Text:
    pool = found.status.pool
    text = Text()
    text.append(f"pool {pool.id}", style="bold")
    text.append(f"  {pool.state}", style=_pool_style(pool.state))
    if found.stale:
        text.append(f"  status {found.age_s:.0f} s old", style="red")
    text.append(f"  {pool.mode}  up {_span(pool.uptime_s)}  pid {pool.pid}  {pool.api_url}")
    return text


def _slots(status: Status, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    with_gpu = any(slot.device is not None for slot in status.slots)
    for title in ("slot", "state"):
        table.add_column(title, no_wrap=True)
    if with_gpu:
        table.add_column("memory", no_wrap=True)
        table.add_column("load", justify="right", no_wrap=True)
        table.add_column("temp", justify="right", no_wrap=True)
    table.add_column("task", no_wrap=True, overflow="ellipsis")
    table.add_column("stage", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    if wide:
        table.add_column("lease", justify="right", no_wrap=True)
    table.add_column("done/failed/lost", justify="right", no_wrap=True)
    table.add_column("restarts", justify="right", no_wrap=True)
    for slot in status.slots:
        table.add_row(*_cells(slot, with_gpu=with_gpu, wide=wide))
    return table


def _cells(slot: SlotStatus, *, with_gpu: bool, wide: bool) -> Iterator[RenderableType]:
    yield slot.slot
    yield Text(slot.state, style=_slot_style(slot.state))
    if with_gpu:
        yield from _gpu(slot.gpu)
    current = slot.current
    yield current.item_id[:8] if current else "-"
    yield _stage(current) if current else "-"
    yield _span(current.eta_s) if current and current.eta_s is not None else "-"
    if wide:
        yield _span(current.lease_remaining_s) if current else "-"
    yield f"{slot.tasks_completed}/{slot.tasks_failed}/{slot.tasks_lost}"
    yield str(slot.restarts)


def _gpu(gpu: Gpu | None) -> Iterator[RenderableType]:
    if gpu is None:
        yield from ("unknown", "-", "-")
        return
    yield _memory(gpu)
    yield "-" if gpu.utilization_percent is None else f"{gpu.utilization_percent}%"
    yield "-" if gpu.temperature_c is None else f"{gpu.temperature_c}°C"


def _memory(gpu: Gpu) -> str:
    if gpu.memory_used_bytes is None or gpu.memory_total_bytes is None:
        return "unknown"
    return f"{gpu.memory_used_bytes / 2**30:.1f}/{gpu.memory_total_bytes / 2**30:.0f} GiB"


def _stage(current: CurrentTask) -> RenderableType:
    if not current.steps:
        return current.stage
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=1.0, completed=current.progress, width=_BAR_WIDTH)
    row.add_row(current.stage, bar, f"{current.progress:.0%}")
    return row


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
