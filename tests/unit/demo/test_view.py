"""What a pipe shows of the demonstration."""

import io

from rich.console import Console

from demo.moment import Moment, TaskMoment
from demo.orders import Order
from demo.view import ChangeLines, shown_on


def moment(status, slot=None):
    return Moment((TaskMoment(Order("cat", "item-1"), status, slot, None, None),), None)


def test_a_pipe_shows_each_change_once():
    out = io.StringIO()
    view = ChangeLines(Console(file=out))
    for now in ("pending", "pending", "processing", "completed", "completed"):
        view.show(moment(now))
    assert [line.split()[2:] for line in out.getvalue().splitlines()] == [
        ["cat", "pending"],
        ["cat", "processing"],
        ["cat", "completed"],
    ]


def test_a_leased_task_without_news_is_held_by_its_slot():
    assert moment("processing", "cpu1").tasks[0].words == "held by cpu1"
    assert moment("completed", "cpu1").tasks[0].words == "completed"


def test_a_terminal_is_drawn_on_and_left_clean():
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80)
    with shown_on(terminal) as show:
        show(moment("pending"))
    assert "the pool is starting" in terminal.file.getvalue()
    assert terminal.file.getvalue().endswith("\x1b[2K")
