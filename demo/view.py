"""What a person sees while the videos are made: a live screen, or one line per change in a pipe."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from demo.moment import Moment
from pool.status.table import Paper, screen

_STYLES = {"pending": "dim", "completed": "green", "failed": "red"}


@contextlib.contextmanager
def shown_on(console: Console) -> Iterator[Callable[[Moment], None]]:
    """Gives what shows one moment after the other: drawn in place where there is a terminal."""
    if not console.is_terminal:
        yield ChangeLines(console).show
        return
    starting = Spinner("dots", "the pool is starting")
    with Live(starting, console=console, transient=True) as live:
        yield lambda moment: live.update(_drawn(moment, console.width) or starting)


def _drawn(moment: Moment, width: int) -> RenderableType | None:
    """The pool's table, as `bin/pool-status` draws it, and the tasks under it."""
    if moment.pool is None:
        return None
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("photo", "task", "where it is"):
        table.add_column(title, no_wrap=True)
    for task in moment.tasks:
        style = _STYLES.get(task.status, "")
        table.add_row(task.order.name, task.order.item_id[:8], task.words, style=style)
    return Group(screen(moment.pool, Paper(width)), "", table, "")


class ChangeLines:
    """One line for every change, with the seconds since the first, for pipes and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._said: dict[str, str] = {}

    def show(self, moment: Moment) -> None:
        """Print what is not as it was."""
        for slot in moment.pool.status.slots if moment.pool is not None else ():
            self._say(slot.slot, slot.state)
        for task in moment.tasks:
            self._say(task.order.name, task.words)

    def _say(self, who: str, words: str) -> None:
        if self._said.get(who) != words:
            self._said[who] = words
            self._console.print(f"{time.monotonic() - self._began:6.1f} s  {who:<12} {words}")
