"""What crosses the pipe comes out as it went in, and nothing else comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool import messages
from pool.messages import (
    Beat,
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


FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNT = st.integers(0, 2**31)
CURRENT = st.builds(
    messages.Current,
    step=COUNT,
    steps=COUNT,
    progress=FINITE,
    eta_s=st.none() | FINITE,
    lease_deadline=FINITE,
    moved_at=FINITE,
    limit_s=FINITE,
)
MADE_BY = {
    Start: {"incarnation": COUNT},
    Stop: {"within_s": FINITE},
    Beat: {"tasks": st.lists(CURRENT, max_size=2).map(tuple)},
    TaskEnded: {
        "stage_s": st.dictionaries(st.text(), FINITE),
        "video_frames": st.none() | COUNT,
    },
}


def any_of(kind):
    """Any message of this class."""
    return st.builds(kind, **MADE_BY.get(kind, {}))


@pytest.mark.parametrize("kind", DOWN)
def test_a_message_to_a_child_survives_its_line(kind):
    @given(any_of(kind))
    def survives(message):
        line = message.line()
        assert line.count(b"\n") == 1
        came_out = to_child.decode(line)
        assert (type(came_out), came_out.line()) == (kind, line)

    survives()


@pytest.mark.parametrize("kind", UP)
def test_a_message_to_the_supervisor_survives_its_line(kind):
    @given(any_of(kind))
    def survives(message):
        line = message.line()
        assert line.count(b"\n") == 1
        came_out = to_supervisor.decode(line)
        assert (type(came_out), came_out.line()) == (kind, line)

    survives()


def test_the_two_directions_are_kept_apart():
    with pytest.raises(ValueError):
        to_child.decode(Loaded().line())
    with pytest.raises(ValueError):
        to_supervisor.decode(Drain().line())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'{"kind": "beet"}',
        b'{"kind": "loaded", "more": 1}',
        b"\xff",
        b'{"kind": "ending", "reason": "\xff"}',
    ],
)
def test_a_line_that_is_no_message_is_refused(line):
    with pytest.raises(ValueError):
        to_supervisor.decode(line)


def test_a_log_line_has_a_level_that_the_log_knows():
    with pytest.raises(ValueError):
        to_supervisor.decode(Said(level="WHISPER", text="psst").line())


@pytest.mark.parametrize("message", [Drain(), KeyAccepted(), Ending(reason="over")])
def test_a_message_does_not_change(message):
    with pytest.raises(AttributeError):
        message.reason = "another"


@pytest.mark.parametrize("kind", [Ending, TaskEnded, Said])
def test_half_a_character_from_outside_does_not_keep_a_message_from_leaving(kind):
    torn = "no such file: photo-\udcff.jpg"
    fields = {
        Ending: {"reason": torn},
        TaskEnded: {"item_id": "a", "ending": "failed", "reason": torn, "stage_s": {}},
        Said: {"level": "INFO", "text": torn},
    }
    assert b"photo-?.jpg" in kind(**fields[kind]).line()
