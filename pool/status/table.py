"""The status as a table for a person. Imported only where one is drawn: rich is not light.

Three layouts: on a wide terminal (and in a pipe) a slot is one line; on one of 80 columns its task
has a line of its own, where the height allows it; on a phone only the state and the stage are left.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from pool.counted import counted
from pool.gpu.readings import Brake
from pool.status.bar import bar
from pool.status.host import Host
from pool.status.schema import CurrentTask, SlotStatus, Status
from pool.status.span import span
from pool.status.spent import SpentToday
from pool.status.status_file import Found
from pool.status.totals import Totals
from pool.status.verdict import one_line
from pool.supervisor.states import GIVEN_UP, WORKING, SlotState

_ONE_LINE_FROM = 112
_NAMES_FROM = 150
_TABLE_FROM = 60
_BAR_WIDTH = 8
_WARM_C, _HOT_C = 80, 90
_LEASE_SHORT_S = 60.0


@dataclass(frozen=True)
class Paper:
    """What is drawn on: its width in columns, and whether it shows more than ASCII.

    `low`: it has not the height for a task's own line.
    """

    width: int
    unicode: bool = True
    bars: bool = True
    low: bool = False

    @property
    def task_lines(self) -> bool:
        """Whether a task stands on a line of its own, below the table."""
        return _TABLE_FROM <= self.width < _ONE_LINE_FROM and not self.low

    @property
    def without_bars(self) -> "Paper":
        """The same where no bar has room."""
        return replace(self, bars=False)


@dataclass(frozen=True)
class _Column:
    """One column: how a slot's cell is drawn, and the narrowest paper that it is shown on."""

    title: str
    cell: Callable[[SlotStatus], Text]
    from_width: int = 0
    right: bool = False
    of_gpus: bool = False


def screen(
    found: Found,
    paper: Paper,
    totals: Totals | None = None,
    host: Host | None = None,
    spent: SpentToday | None = None,
) -> RenderableType:
    """Everything about the pool; 40 columns are a phone's."""
    status = found.status
    parts: list[RenderableType] = [_headline(found)]
    if found.stale or status.pool.state == "dead":
        parts.append(Text(one_line(found), style="red"))
    if totals is not None:
        parts.append(_totals(totals))
    if spent is not None:
        parts.append(_spent(spent))
    if names := _device_names(status):
        parts.append(Text(names, style="dim"))
    if host is not None:
        parts.append(_host(host, paper))
    return Group(*parts, "", _slots(status, paper), *_reasons(status))


def _headline(found: Found) -> Text:
    pool = found.status.pool
    text = Text()
    text.append(f"pool {pool.id}", style="bold")
    text.append(f"  {pool.state}", style=_pool_style(pool.state))
    text.append(f"  {pool.mode}  up {span(pool.uptime_s)}  pid {pool.pid}  {pool.api_url}")
    return text


def _totals(totals: Totals) -> Text:
    """The pool's last hour, and what is the matter with the queue."""
    when = "the last hour" if totals.window_s >= 3600 else span(totals.window_s)
    text = Text()
    text.append(f"{counted(totals.videos, 'video')} in {when}")
    if totals.videos_per_hour is not None and totals.window_s < 3600:
        text.append(f" ({totals.videos_per_hour:g} an hour)")
    for count, what in ((totals.failed, "failed"), (totals.lost, "lost")):
        if count:
            text.append(f", {count} {what}")
    if totals.worked_share is not None:
        text.append(f"  worked {totals.worked_share:.0%}")
    if totals.key_refused_s is not None:
        text.append(f"  key refused (401) for {span(totals.key_refused_s)}", style="red")
    elif totals.poll_failures:
        text.append(f"  queue not reached ({counted(totals.poll_failures, 'time')})", style="red")
    elif totals.queue_empty_s is not None:
        text.append(f"  queue empty for {span(totals.queue_empty_s)}", style="yellow")
    return text


def _host(host: Host, paper: Paper) -> Text:
    """The machine in one line: a pool that is short of it looks well on its cards for a while."""
    used, total = host.memory_used_bytes, host.memory_total_bytes
    load_style = "yellow" if host.load > host.cores else ""
    text = Text.assemble(("host", "dim"), "  load ")
    text.append(f"{host.load:g}", style=load_style)
    text.append(f" on {counted(host.cores, 'core')}  memory ")
    if paper.bars and total:
        text.append(bar(used / total, _BAR_WIDTH, unicode=paper.unicode), style="cyan")
        text.append(" ")
    text.append(
        f"{used / 2**30:.0f}/{total / 2**30:.0f}G  disk {host.disk_free_bytes / 1e9:.0f} GB free"
    )
    return text


def _spent(spent: SpentToday) -> Text:
    """What the day has cost so far."""
    videos = counted(spent.videos, "video")
    if spent.cap_videos is not None:
        videos += f" of {spent.cap_videos}"
    usd = f"${spent.usd_estimate:.2f}"
    if spent.cap_usd is not None:
        usd += f" of ${spent.cap_usd:.2f}"
    return Text(f"today (UTC): {videos} bought, about {usd} (estimate)")


def _device_names(status: Status) -> str:
    names = Counter(slot.device.name for slot in status.slots if slot.device is not None)
    return ", ".join(f"{count} × {name}" for name, count in names.items())


def _slots(status: Status, paper: Paper) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    with_gpu = any(slot.device is not None for slot in status.slots)
    shown = [
        column
        for column in _columns(paper)
        if paper.width >= column.from_width and (with_gpu or not column.of_gpus)
    ]
    for column in shown:
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, no_wrap=True)
    for slot in status.slots:
        table.add_row(*(column.cell(slot) for column in shown))
    if not paper.task_lines:
        return table
    tasks = [_task_line(slot, slot.current, paper) for slot in status.slots if slot.current]
    return Group(table, *([""] if tasks else []), *tasks)


def _columns(paper: Paper) -> Iterator[_Column]:
    wide, plain = _ONE_LINE_FROM, Text
    yield _Column("slot", lambda slot: plain(slot.slot))
    yield _Column("name", lambda slot: plain(slot.device.name if slot.device else "-"), _NAMES_FROM)
    yield _Column("state", lambda slot: Text(slot.state, style=_slot_style(slot.state)))
    roomy = paper if paper.task_lines or paper.width >= wide else paper.without_bars
    yield _Column("memory", lambda slot: _memory(slot, roomy), _TABLE_FROM, of_gpus=True)
    yield _Column("load", _load, _TABLE_FROM, right=True, of_gpus=True)
    yield _Column("temp", _temperature, _TABLE_FROM, right=True, of_gpus=True)
    yield _Column("power", _power, _TABLE_FROM, right=True, of_gpus=True)
    yield _Column(
        "task", lambda slot: plain(slot.current.item_id[:8] if slot.current else "-"), wide
    )
    if paper.width >= wide:
        yield _Column("stage", lambda slot: _stage(slot.current, paper))
    elif not paper.task_lines:
        yield _Column("stage", lambda slot: _stage(slot.current, paper.without_bars))
    yield _Column("left", lambda slot: _left(slot.current), wide, right=True)
    yield _Column("lease", lambda slot: _lease(slot.current), wide, right=True)
    yield _Column("ok/fail/lost", _counts, _TABLE_FROM, right=True)
    yield _Column("restarts", lambda slot: plain(str(slot.restarts)), _TABLE_FROM, right=True)


def _memory(slot: SlotStatus, paper: Paper) -> Text:
    gpu = slot.gpu
    if gpu is None or gpu.memory_used_bytes is None or not gpu.memory_total_bytes:
        return Text("unknown", style="dim")
    used, total = gpu.memory_used_bytes, gpu.memory_total_bytes
    text = Text(f"{used / 2**30:.0f}/{total / 2**30:.0f}G")
    if not paper.bars:
        return text
    return Text.assemble((bar(used / total, _BAR_WIDTH, unicode=paper.unicode), "cyan"), " ", text)


def _load(slot: SlotStatus) -> Text:
    gpu = slot.gpu
    known = gpu is not None and gpu.utilization_percent is not None
    return Text(f"{gpu.utilization_percent}%" if gpu and known else "-")


def _temperature(slot: SlotStatus) -> Text:
    gpu = slot.gpu
    if gpu is None or gpu.temperature_c is None:
        return Text("-")
    style = "red" if gpu.temperature_c >= _HOT_C else "yellow"
    return Text(f"{gpu.temperature_c}°C", style=style if gpu.temperature_c >= _WARM_C else "")


def _power(slot: SlotStatus) -> Text:
    gpu = slot.gpu
    return Text("-" if gpu is None or gpu.power_w is None else f"{gpu.power_w:.0f}W")


def _stage(current: CurrentTask | None, paper: Paper) -> Text:
    if current is None:
        return Text("-")
    if not current.steps:
        return Text(current.stage)
    share = f"{current.progress:.0%}"
    if not paper.bars:
        return Text(f"{current.stage} {share}")
    drawn = bar(current.progress, _BAR_WIDTH, unicode=paper.unicode)
    return Text.assemble(f"{current.stage:<8} ", (drawn, "green"), f" {share:>4}")


def _left(current: CurrentTask | None) -> Text:
    return Text("-" if current is None or current.eta_s is None else span(current.eta_s))


def _lease(current: CurrentTask | None) -> Text:
    if current is None:
        return Text("-")
    short = current.lease_remaining_s < _LEASE_SHORT_S
    return Text(span(current.lease_remaining_s), style="red" if short else "")


def _task_line(slot: SlotStatus, current: CurrentTask, paper: Paper) -> Text:
    """The task in work, on a line of its own."""
    left = Text.assemble("  ", _left(current), " left") if current.eta_s is not None else Text()
    return Text.assemble(
        f"{slot.slot:<5} {current.item_id[:8]} ",
        _stage(current, paper),
        left,
        "  lease ",
        _lease(current),
    )


def _counts(slot: SlotStatus) -> Text:
    return Text(f"{slot.tasks_completed}/{slot.tasks_failed}/{slot.tasks_lost}")


def _reasons(status: Status) -> Iterator[RenderableType]:
    """Why slots do not work; for those that do, how their former child ended."""
    said = [line for slot in status.slots for line in (_reason(slot), _slowed(slot)) if line]
    if said:
        yield ""
        yield from said
    if any(slot.state not in (*WORKING, SlotState.STARTING) for slot in status.slots):
        yield Text("what to do about a reason: docs/operate.md", style="dim")


def _reason(slot: SlotStatus) -> Text | None:
    if slot.reason is not None:
        return Text(f"{slot.slot}: {slot.reason}", style=_slot_style(slot.state))
    if slot.last_exit is not None:
        last = slot.last_exit
        return Text(f"{slot.slot}: last restart {last.at}: {last.reason}", style="dim")
    return None


def _slowed(slot: SlotStatus) -> Text | None:
    """What slows the device down, the power cap aside: a card that works hard is at it always."""
    brakes = () if slot.gpu is None else slot.gpu.throttled_by or ()
    said = ", ".join(brake for brake in brakes if brake != Brake.POWER_CAP)
    return Text(f"{slot.slot}: slowed down by {said}", style="yellow") if said else None


def _pool_style(state: str) -> str:
    return {"running": "green", "draining": "yellow"}.get(state, "red")


def _slot_style(state: str) -> str:
    if state in GIVEN_UP:
        return "red"
    return "green" if state in WORKING else "yellow"
