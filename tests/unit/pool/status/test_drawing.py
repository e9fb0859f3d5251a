"""Spans of time, bars, and the line below a terminal's log."""

import io

import pytest

from pool.status.bar import bar
from pool.status.brief import brief
from pool.status.span import span
from pool.terminal import Terminal
from tests.unit.pool.status.sample import CURRENT, slot, status


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (61, "1m01s"),
        (3599, "59m59s"),
        (4000, "1h06m"),
        (86_399, "23h59m"),
        (100_000, "1d03h"),
    ],
)
def test_a_span_is_short_and_whole(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("share", [-1.0, 0.0, 0.01, 0.33, 0.5, 0.99, 1.0, 7.0])
def test_a_bar_is_as_wide_as_it_was_asked_to_be(share, unicode):
    assert len(bar(share, 8, unicode=unicode)) == 8


def test_a_bar_shows_eighths_where_it_can():
    assert bar(0.5, 8, unicode=True) == "████░░░░"
    assert bar(0.5 + 1 / 64, 8, unicode=True) == "████▏░░░"
    assert bar(0.5, 8, unicode=False) == "####...."


def test_every_slot_is_there_in_a_few_letters():
    unknown = CURRENT.model_copy(update={"steps": 0, "eta_s": None, "stage": "upload"})
    whole = status(slot("gpu0", current=CURRENT), slot("gpu1"), slot("gpu2", current=unknown))
    assert brief(whole) == "gpu0 infer 24% 1h06m | gpu1 ready | gpu2 upload"


def test_log_lines_scroll_above_the_line_that_stays(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.show("gpu0 infer 24%")
    terminal.show("gpu0 infer 24%")
    terminal.write("a line\n")
    terminal.show("x" * 30)
    terminal.close()
    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "gpu0 infer 24%",
        "a line\ngpu0 infer 24%",
        "x" * 18 + "…",
        "",
    ]


def test_a_terminal_that_is_gone_harms_nobody():
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(5, "Input/output error")

    terminal = Terminal(Gone())
    terminal.write("a line\n")
    terminal.show("gpu0")
    terminal.close()
