"""What is remembered of a card that was too small."""

import pytest

from inference.wan.memory import Plan
from inference.wan.setback import Setbacks

GB = 10**9
HOUR = 3600.0
RUNGS = tuple(
    Plan(offload, False, "bfloat16", (), peak * GB)
    for offload, peak in (("none", 50), ("text_encoder", 38), ("model", 28))
)


@pytest.fixture
def setbacks(tmp_path):
    found = Setbacks(tmp_path / "plans" / "GPU-1.json")
    found.note(RUNGS, RUNGS[1], 60 * GB, now=1000 * HOUR)
    return found


def test_without_a_setback_every_rung_is_left(tmp_path):
    assert Setbacks(tmp_path / "none.json").rungs_left(RUNGS, 60 * GB, 0.0) == RUNGS
    assert Setbacks(None).rungs_left(RUNGS, None, 0.0) == RUNGS


def test_the_next_life_begins_where_the_last_one_had_got_to(setbacks):
    assert setbacks.rungs_left(RUNGS, 60 * GB, 1001 * HOUR) == RUNGS[1:]
    setbacks.note(RUNGS, RUNGS[2], 60 * GB, 1002 * HOUR)
    assert setbacks.rungs_left(RUNGS, 59 * GB, 1003 * HOUR) == RUNGS[2:]


@pytest.mark.parametrize(
    ("free_gb", "hour", "left"),
    [
        (60, 1023, 1),
        (60, 1024, 0),  # a day later
        (60, 999, 0),  # the clock was set back
        (61, 1001, 1),
        (62, 1001, 0),  # what had filled the card is gone
        (20, 1001, 1),
    ],
)
def test_it_fades_with_time_and_with_more_room(setbacks, free_gb, hour, left):
    assert setbacks.rungs_left(RUNGS, free_gb * GB, hour * HOUR) == RUNGS[left:]


def test_it_says_nothing_of_another_model_or_other_settings(setbacks):
    others = RUNGS[::-1]
    assert setbacks.rungs_left(others, 60 * GB, 1001 * HOUR) == others


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rung": 1}', '{"ladder": 1, "rung": 9}'])
def test_a_torn_file_is_nothing_known(tmp_path, text):
    (tmp_path / "GPU-1.json").write_text(text)
    assert Setbacks(tmp_path / "GPU-1.json").rungs_left(RUNGS, None, 0.0) == RUNGS


def test_a_file_that_cannot_be_written_costs_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    Setbacks(tmp_path / "file" / "GPU-1.json").note(RUNGS, RUNGS[1], None, 0.0)
