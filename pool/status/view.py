"""How `pool-status` shows what it sees: once, or again and again. Imported only there: rich.

On a terminal the table fills the screen and is redrawn in place. In a pipe it is drawn without
colours and bars, a slot a line, and `--watch` prints one line for every change.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from pool.status.observer import Look
from pool.status.table import Paper, screen

_PIPE_WIDTH = 160


def show(look: Look, console: Console) -> None:
    """Print the table once."""
    console.print(_drawn(look, console), soft_wrap=not console.is_terminal)


def watch(look: Callable[[], Look], console: Console, every_s: float) -> Look:
    """Show one look after the other until Ctrl-C; the last one."""
    return _live(look, console, every_s) if console.is_terminal else _changes(look, every_s)


def console_for_stdout() -> Console:
    """The terminal, or a pipe that is wide enough for a slot a line (COLUMNS sets another width).

    NO_COLOR, FORCE_COLOR and TERM=dumb are honoured.
    """
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


def _live(look: Callable[[], Look], console: Console, every_s: float) -> Look:
    seen = look()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                live.update(_fitting(seen, console), refresh=True)
                time.sleep(every_s)
                seen = look()
        except KeyboardInterrupt:
            pass
    show(seen, console)
    return seen


def _changes(look: Callable[[], Look], every_s: float) -> Look:
    said = ""
    while True:
        seen = look()
        try:
            if seen.line != said:
                said = seen.line
                at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
                print(at, said, flush=True)  # noqa: T201 - the command's output
            time.sleep(every_s)
        except (KeyboardInterrupt, BrokenPipeError):
            return seen


def _fitting(look: Look, console: Console) -> RenderableType:
    """The table as high as the screen: why a slot is red stands at its end, and must be seen."""
    drawn = _drawn(look, console)
    if len(console.render_lines(drawn)) <= console.height:
        return drawn
    return _drawn(look, console, low=True)


def _drawn(look: Look, console: Console, *, low: bool = False) -> RenderableType:
    if look.found is None:
        return Text(look.missing)
    unicode = console.encoding.startswith("utf")
    paper = Paper(console.width, unicode, bars=console.is_terminal, low=low)
    return screen(look.found, paper, look.totals, look.host, look.spent)
