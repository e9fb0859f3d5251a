"""The measured figures as a section of docs/performance.md, with their chart and their JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from textwrap import fill

from pool.lease.renewal import CONFIRM_AFTER_S
from tests.benchmarks.pool_field import WAYS, Latency
from tests.benchmarks.pool_measure import Deaths, Idle, Memory, Throughput

BEGIN = "<!-- The pool: written by tests/benchmarks/pool.py. -->"
END = "<!-- The pool: end. -->"
COMMAND = ".venv/bin/python -m tests.benchmarks.pool"
TITLE = "# Performance\n"
FIGURES = "figures/pool.json"
CHART = "images/pool.svg"


@dataclass(frozen=True)
class Report:
    """Everything that one run of the benchmark found. `host` says in words where it ran."""

    host: str
    taken_at: str
    latency: Latency
    throughputs: tuple[Throughput, ...]
    idle: Idle | None = None
    deaths: Deaths | None = None
    memory: Memory | None = None


def write(report: Report, docs: Path) -> None:
    """Put the figures into `docs`, in the place of those of an earlier run."""
    for name, content in (
        (FIGURES, json.dumps(asdict(report), indent=1) + "\n"),
        (CHART, chart(report.throughputs)),
    ):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(content)
    page = docs / "performance.md"
    before = page.read_text() if page.exists() else TITLE
    page.write_text(replaced(before, section(report)))


def replaced(page: str, part: str) -> str:
    """The page with its part on the pool exchanged, or added at its end."""
    head, found, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2] if found else ""
    return f"{head.rstrip()}\n\n{BEGIN}\n\n{part}\n{END}\n{tail}".rstrip() + "\n"


def section(report: Report) -> str:
    """The part on the pool, in Markdown."""
    latency = report.latency
    how = (
        f"`{COMMAND}`, without a GPU: a device is a lock that is held for a given time. The server "
        f"takes {latency.api_s * 1000:.0f} ms for a call, {latency.photo_s:g} s for a photo and "
        f"{latency.upload_s:g} s for an upload; frames are really encoded, but few and small, so "
        "that the encoding of 64 children leaves two cores something to spare. *Serial loop* is "
        "the specifications' own, one process a device, its model loaded once. Busy is the share "
        "of the time in which the devices computed, from every device's second task on; with one "
        "device that begins with a computation, and so flatters the ways that pause between tasks."
    )
    parts = [
        "## The pool around the GPU",
        _wrapped(how),
        _wrapped(f"{report.host}. {report.taken_at}. Every figure: [pool.json]({FIGURES})."),
        _throughput_table(report.throughputs),
        f"![Busy share of the devices]({CHART})",
        *(_wrapped(words) for words in (*_limits(report), *_notes(report))),
    ]
    return "\n\n".join(parts) + "\n"


def _wrapped(words: str) -> str:
    """A paragraph in lines as long as those of the other pages."""
    return fill(words, 100, break_long_words=False, break_on_hyphens=False)


def _throughput_table(rows: Iterable[Throughput]) -> str:
    head = (
        "| devices | task | way | busy | videos an hour | made twice | requests a second | "
        "parent CPU | parent memory | child memory |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [
            str(row.slots),
            f"{row.task_s:g} s",
            row.way,
            f"{row.busy_share:.1%}",
            f"{row.videos_per_hour:.0f}",
            str(row.made_twice),
            f"{row.requests_per_s:.1f}",
            _or_dash(row.parent_cpu_share, "{:.1%}"),
            _or_dash(row.parent_rss_mib, "{:.0f} MiB"),
            _or_dash(row.child_rss_mib, "{:.0f} MiB"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _or_dash(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _limits(report: Report) -> list[str]:
    """What holds the devices back where no way of working could keep them busy."""
    most = 1 / report.latency.api_s if report.latency.api_s else float("inf")
    loads = dict.fromkeys((row.slots, row.task_s) for row in report.throughputs)
    return [
        f"**Limit.** A pool asks for one task at a time, because the server may hand two askers "
        f"the same one. At {report.latency.api_s * 1000:.0f} ms an answer that is {most:.1f} tasks "
        f"a second; {slots} devices with tasks of {task_s:g} s would take {slots / task_s:.1f}, so "
        "they cannot be kept busy. The serial loop asks at once, and makes tasks twice."
        for slots, task_s in loads
        if slots / task_s > most
    ]


def _notes(report: Report) -> list[str]:
    notes = []
    if idle := report.idle:
        waits = idle.arrival_to_work_s
        notes.append(
            f"**Idle.** {idle.slots} children asked {idle.polls} times in {idle.watched_s:.0f} s, "
            f"{idle.polls_per_interval:.2f} times per polling interval of {idle.interval_s:g} s; "
            f"the parent took {idle.parent_cpu_share:.1%} of a core. From a task's arrival to "
            f"work on it: median {median(waits):.2f} s, longest {max(waits):.2f} s of "
            f"{len(waits)}; interval, confirmation and half a second are "
            f"{idle.interval_s + CONFIRM_AFTER_S + report.latency.api_s + 0.5:.2f} s."
        )
    if deaths := report.deaths:
        waits = deaths.death_to_work_s
        notes.append(
            f"**Deaths.** {deaths.slots} slots were ready {deaths.start_s:.1f} s after the start. "
            f"From a child's death to work by its successor: median {median(waits):.2f} s, longest "
            f"{max(waits):.2f} s of {len(waits)}; a second of it is the restart's own wait, and "
            "another one the new lease's confirmation."
        )
    if memory := report.memory:
        slope = memory.per_100_tasks
        notes.append(
            f"**Memory.** {memory.children} children, {memory.tasks_each} tasks each: "
            f"{memory.first_mib:.1f} MiB after the first tasks, {memory.last_mib:.1f} MiB after "
            f"the last; over the second half {slope.rise:+.2f} MiB per 100 tasks "
            f"(standard error {slope.error:.2f})."
        )
    return notes


# The chart

_BAR, _GAP, _LEFT, _WIDTH = 16, 14, 150, 640
_COLOURS = dict(zip(WAYS, ("#2e7d32", "#f9a825", "#b0bec5"), strict=True))


def chart(rows: Sequence[Throughput]) -> str:
    """Busy shares as horizontal bars, one group for each load."""
    loads = list(dict.fromkeys((row.slots, row.task_s) for row in rows))
    parts, y = [], 30
    for slots, task_s in loads:
        group = [row for row in rows if (row.slots, row.task_s) == (slots, task_s)]
        parts.append(_text(8, y + _BAR, f"{slots} × {task_s:g} s"))
        for row in group:
            parts.append(_bar(y, row))
            y += _BAR + 2
        y += _GAP
    legend = "".join(
        f'<rect x="{_LEFT + 150 * place}" y="6" width="12" height="12" fill="{_COLOURS[way]}"/>'
        + _text(_LEFT + 150 * place + 18, 16, way)
        for place, way in enumerate(WAYS)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 70}" height="{y}" '
        f'font-family="sans-serif" font-size="12">{legend}{"".join(parts)}</svg>\n'
    )


def _bar(y: int, row: Throughput) -> str:
    width = row.busy_share * _WIDTH
    colour = _COLOURS[row.way]
    return f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>' + (
        _text(_LEFT + width + 6, y + _BAR - 4, f"{row.busy_share:.1%}")
    )


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y}">{words}</text>'
