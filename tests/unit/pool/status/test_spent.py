"""What a Runway pool has spent today, as others read it."""

import pytest

from inference.runway.spending import Caps, Today
from inference.runway.ticker import show_today
from pool.state_dir import StateDir
from pool.status.spent import SpentToday, read_spent

NOON = 1_800_000_000.0 // 86_400 * 86_400 + 43_200


@pytest.fixture
def state_dir(tmp_path):
    (tmp_path / "runway").mkdir()
    return StateDir(tmp_path)


def test_the_newest_sum_is_read_as_it_was_written(state_dir):
    show_today(state_dir.runway, Today(videos=3, usd=0.75), Caps(usd=10.0), NOON)
    spent = SpentToday(videos=3, usd_estimate=0.75, cap_videos=None, cap_usd=10.0)
    assert read_spent(state_dir, NOON + 60) == spent


def test_a_new_day_begins_with_nothing_spent(state_dir):
    show_today(state_dir.runway, Today(videos=3, usd=0.75), Caps(videos=40), NOON)
    spent = SpentToday(videos=0, usd_estimate=0.0, cap_videos=40, cap_usd=None)
    assert read_spent(state_dir, NOON + 86_400) == spent


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"day_start": 0}', b"\xff"])
def test_a_file_that_says_nothing_is_no_sum(state_dir, content):
    if content is not None:
        (state_dir.runway / "today.json").write_bytes(content)
    assert read_spent(state_dir, NOON) is None


def test_a_folder_that_cannot_be_written_costs_no_task(tmp_path):
    show_today(tmp_path / "nowhere", Today(), Caps(), NOON)
