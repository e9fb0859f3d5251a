"""What crosses the pipe comes out as it went in, and nothing else comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pool import messages
from pool.messages import (
    Drain,
    Ending,
    KeyAccepted,
    Loaded,
    Message,
    Said,
    Start,
    Stop,
    TaskEnded,
    to_child,
    to_supervisor,
)

DOWN = [Start, Drain, Stop]
PARTS = [messages.Current]
UP = sorted(set(Message.__subclasses__()) - set(DOWN) - set(PARTS), key=lambda kind: kind.__name__)


MADE_BY = {Said: {"level": st.sampled_from(["DEBUG", "SUCCESS", "ERROR"])}}


def any_of(kind):
    """Any message of this class."""
    return st.builds(kind, **MADE_BY.get(kind, {}))


@pytest.mark.parametrize("kind", DOWN)
def test_a_message_to_a_child_survives_its_line(kind):
    @given(any_of(kind))
    def survives(message):
        line = message.line()
        assert line.count(b"\n") == 1
        came_out = to_child.validate_json(line)
        assert (type(came_out), came_out.line()) == (kind, line)

    survives()


@pytest.mark.parametrize("kind", UP)
def test_a_message_to_the_supervisor_survives_its_line(kind):
    @given(any_of(kind))
    def survives(message):
        line = message.line()
        assert line.count(b"\n") == 1
        came_out = to_supervisor.validate_json(line)
        assert (type(came_out), came_out.line()) == (kind, line)

    survives()


def test_the_two_directions_are_kept_apart():
    with pytest.raises(ValidationError):
        to_child.validate_json(Loaded().line())
    with pytest.raises(ValidationError):
        to_supervisor.validate_json(Drain().line())


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"kind": "beet"}', b'{"kind": "loaded", "more": 1}', b"\xff"]
)
def test_a_line_that_is_no_message_is_refused(line):
    with pytest.raises(ValidationError):
        to_supervisor.validate_json(line)


def test_a_log_line_has_a_level_that_the_log_knows():
    with pytest.raises(ValidationError):
        Said(level="WHISPER", text="psst")


@pytest.mark.parametrize("message", [Drain(), KeyAccepted(), Ending(reason="over")])
def test_a_message_does_not_change(message):
    with pytest.raises(ValidationError):
        message.kind = "another"


@pytest.mark.parametrize("kind", [Ending, TaskEnded, Said])
def test_half_a_character_from_outside_does_not_keep_a_message_from_leaving(kind):
    torn = "no such file: photo-\udcff.jpg"
    fields = {
        Ending: {"reason": torn},
        TaskEnded: {"item_id": "a", "ending": "failed", "reason": torn, "stage_s": {}},
        Said: {"level": "INFO", "text": torn},
    }
    assert b"photo-?.jpg" in kind(**fields[kind]).line()
