"""The form of a log line, and that no secret gets into one."""

import json

import pytest
from loguru import logger

from pool.log import formatter
from tests.fakes.canary import CANARY

KEY = f"key-of-the-worker-{CANARY}"


class Written:
    """A log of its own; `lines` is what was written to it."""

    def __init__(self, form):
        self.text = ""
        self._sink = logger.add(
            self._write, level="DEBUG", format=formatter(form, [KEY]), diagnose=False
        )

    def _write(self, message):
        self.text += message

    @property
    def lines(self):
        return self.text.splitlines()

    def close(self):
        logger.remove(self._sink)


@pytest.fixture(params=["text", "json"])
def log(request):
    made = Written(request.param)
    yield made
    made.close()


@pytest.fixture
def text_log():
    made = Written("text")
    yield made
    made.close()


@pytest.fixture
def json_log():
    made = Written("json")
    yield made
    made.close()


def fail_with(text):
    try:
        raise ValueError(text)
    except ValueError as error:
        logger.opt(exception=error).error("it failed: {}", text)


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        f"Authorization: Worker {KEY}",
        f"https://storage.example/v1/photo.jpg?token={KEY}",
        "https://storage.example/sign/p?token=abc.def.ghi",
        "https://user:password@host/",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    ],
)
def test_no_secret_is_written_not_even_in_a_traceback(log, secret):
    logger.info("asked {}", secret)
    fail_with(secret)
    for piece in (KEY, "abc.def", "password", "eyJ"):
        assert piece not in log.text
    assert "it failed" in log.text


def test_a_text_line_says_when_how_bad_where_and_over_which_item(text_log):
    logger.bind(slot="gpu0", item_id="item-1").warning("lost: {}", "two 404s")
    [line] = text_log.lines
    assert line.endswith("[WARNING] [gpu0] item-1: lost: two 404s")
    assert line[4] == "-"


def test_the_pools_own_lines_are_marked_as_such(text_log):
    logger.info("draining")
    assert text_log.lines[0].endswith("[INFO] [pool] draining")


def test_one_event_is_one_line_whatever_is_in_it(log):
    logger.info("a prompt:\nfirst\r\nsecond\x1b[31m {braces} <red>tags</red>")
    assert len(log.lines) == 1
    assert "{braces} <red>tags</red>" in log.lines[0]
    assert "\x1b" not in log.text


def test_a_traceback_follows_indented(text_log):
    fail_with("why")
    head, *trace = text_log.lines
    assert head.endswith("it failed: why")
    assert trace[0].startswith("    Traceback")
    assert trace[-1] == "    ValueError: why"


def test_a_json_line_holds_everything_in_fields(json_log):
    logger.bind(slot="cpu1", item_id="item-1").error("빛: {}", "bad")
    fail_with("why")
    first, second = map(json.loads, json_log.lines)
    assert first["message"] == "빛: bad"
    assert (first["level"], first["slot"], first["item_id"]) == ("ERROR", "cpu1", "item-1")
    assert first["time"].startswith("20")
    assert "traceback" not in first
    assert second["traceback"][-1] == "ValueError: why"


def test_a_very_long_line_is_cut(log):
    logger.info("x" * 1_000_000)
    assert len(log.text) < 3000
