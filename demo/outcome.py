"""What came out: where the seconds went, and whether the videos play."""

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import av
from rich.console import Console
from rich.table import Table

from demo.admin_api import AdminApi
from demo.folder import DemoFolder
from demo.moment import TaskMoment
from pool.lease.pace import Stage
from pool.state_dir import StateDir
from pool.status.task_records import TaskRecord, TaskRecords

_RECORDED_WITHIN_S = 5.0


@dataclass(frozen=True)
class Film:
    """A video file, as decoded from its first frame to its last."""

    path: Path
    codec: str
    frames: int
    width: int
    height: int
    fps: float


@dataclass(frozen=True)
class Result:
    """What became of one task. `why_not` says why there is no film that plays."""

    task: TaskMoment
    worker: str
    stage_s: Mapping[str, float]
    film: Film | None
    why_not: str | None


def results(tasks: Sequence[TaskMoment], api: AdminApi, folder: DemoFolder) -> list[Result]:
    """Download every finished video, decode it, and look up where its seconds went."""
    done = {task.order.item_id for task in tasks if task.status == "completed"}
    records = _records_of(done, StateDir(folder.state).tasks)
    return [_result(task, records.get(task.order.item_id), api, folder) for task in tasks]


def _result(
    task: TaskMoment, record: TaskRecord | None, api: AdminApi, folder: DemoFolder
) -> Result:
    worker, spent = (record.slot, record.stage_s) if record is not None else ("-", {})
    if task.status != "completed":
        return Result(task, worker, spent, None, task.error or task.status)
    target = folder.videos / f"{task.order.name}.mp4"
    api.fetch_video(task.order.item_id, target)
    try:
        film = decoded(target)
    except (av.FFmpegError, ValueError) as error:
        return Result(task, worker, spent, None, f"{target} does not play: {error}")
    why_not = None if film.codec == "h264" else f"{target} is {film.codec}, not H.264"
    return Result(task, worker, spent, film, why_not)


def decoded(path: Path) -> Film:
    """Decode the whole file. Raises `av.FFmpegError`, and ValueError for a file without frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        declared = stream.frames
        frames = sum(1 for _ in container.decode(stream))
        if frames == 0 or frames != declared:
            raise ValueError(f"{frames} of its {declared} frames can be decoded")
        context = stream.codec_context
        fps = float(stream.average_rate or 0)
        return Film(path, context.name, frames, context.width, context.height, fps)


def _records_of(done: Set[str], path: Path) -> Mapping[str, TaskRecord]:
    """The pool's own records of these items. It writes one a moment after the server knows."""
    log = TaskRecords(path)
    deadline = time.monotonic() + _RECORDED_WITHIN_S
    while True:
        records = {record.item_id: record for record in log.read() if record.ending == "completed"}
        if done <= records.keys() or time.monotonic() >= deadline:
            return records
        time.sleep(0.05)


def print_results(results: Sequence[Result], console: Console) -> None:
    """Two tables: the seconds, then the videos."""
    console.print(_seconds(results))
    console.print()
    console.print(_films(results))


def _seconds(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column("photo", no_wrap=True)
    table.add_column("worker", no_wrap=True)
    used = [stage for stage in Stage if any(stage in result.stage_s for result in results)]
    for stage in used:
        table.add_column(stage.value, justify="right", no_wrap=True)
    for result in results:
        spent = [result.stage_s.get(stage) for stage in used]
        cells = ["-" if seconds is None else f"{seconds:.1f}" for seconds in spent]
        table.add_row(result.task.order.name, result.worker, *cells)
    return table


def _films(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("task", no_wrap=True)
    table.add_column("photo", no_wrap=True)
    for title in ("frames", "size", "rate"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("video", overflow="fold")
    for result in results:
        film = result.film
        shown = (
            (str(film.frames), f"{film.width}x{film.height}", f"{film.fps:g} fps")
            if film is not None
            else ("-", "-", "-")
        )
        last = result.why_not or (str(film.path) if film is not None else "-")
        table.add_row(result.task.order.item_id[:8], result.task.order.name, *shown, last)
    return table
