"""A wall clock that jumps by a day, back and forth, while tasks are in work."""

import shutil
from datetime import datetime, timedelta

import pytest

from tests.fakes.shifted_clock import ShiftedClock

DAY_S = 86_400


@pytest.fixture
def clock(tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("no gcc to build the clock with")
    return ShiftedClock(tmp_path)


@pytest.mark.parametrize("days", [1, -1])
def test_a_jump_of_the_wall_clock_changes_nothing_but_the_log(
    add, start, watch, until_stage, clock, days
):
    pool = start(environ=clock.environ, lease_duration_seconds=60, heartbeat_interval=1)
    item = add("sleep 3")
    until_stage(pool, "infer", item)
    clock.shift(days * DAY_S)
    later = add()
    watch.until_all([item, later])
    assert len(watch.leases()) == 2
    [slot] = pool.slots()
    assert (slot["restarts"], slot["tasks_lost"]) == (0, 0)
    lines = (pool.folder / "logs" / "cpu0.log").read_text().splitlines()
    first, last = (datetime.fromisoformat(line[:19]) for line in (lines[0], lines[-1]))
    assert round((last - first) / timedelta(days=1)) == days
