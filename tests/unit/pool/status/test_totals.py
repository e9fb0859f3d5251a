"""What the pool as a whole has done lately."""

import pytest

from pool.status.queue import Queue
from pool.status.task_records import TaskRecord
from pool.status.totals import mean_stage_s, totals
from tests.unit.pool.status.sample import CURRENT, slot, status

NOW = 1_767_430_000.0
STAGES = {"lease": 1.0, "download": 2.0, "infer": 90.0, "encode": 5.0, "upload": 3.0, "report": 2.0}


def record(at=NOW, ending="completed", stage_s=STAGES):
    return TaskRecord(at, "gpu0", "item", ending, "", stage_s)


def of(*records, slots=None, queue=None, uptime_s=7200.0):
    whole = status(*(slots or (slot(),)))
    pool = whole.pool.model_copy(update={"uptime_s": uptime_s})
    return totals(whole.model_copy(update={"pool": pool}), records, queue, NOW)


def test_leases_of_the_last_hour_are_counted_by_how_they_ended():
    endings = ["completed", "completed", "failed", "lost", "abandoned", "died", "released"]
    seen = of(*(record(NOW - 10, ending) for ending in endings), record(NOW - 4000))
    assert (seen.videos, seen.failed, seen.lost) == (2, 1, 3)


def test_a_pool_that_is_younger_than_an_hour_is_judged_by_its_own_age():
    seen = of(record(NOW - 5), record(NOW - 700), uptime_s=600.0)
    assert (seen.window_s, seen.videos, seen.videos_per_hour) == (600.0, 1, 6.0)


def test_in_its_first_minute_a_rate_says_nothing():
    seen = of(record(NOW - 5), uptime_s=30.0)
    assert (seen.videos, seen.videos_per_hour, seen.worked_share) == (1, None, None)


def test_the_share_worked_is_the_time_in_which_frames_were_made():
    seen = of(*(record(NOW - 100 * n) for n in range(20)))
    assert seen.worked_share == 0.5


def test_work_that_began_before_the_window_counts_only_within_it():
    long = {"infer": 7200.0}
    assert of(record(NOW, stage_s=long)).worked_share == 1.0
    assert of(record(NOW - 1800, stage_s=long)).worked_share == 0.5


def test_the_task_in_work_counts_by_its_progress():
    half = CURRENT.model_copy(update={"progress": 0.5, "eta_s": 1800.0})
    assert of(slots=(slot(current=half), slot("gpu1"))).worked_share == 0.25


@pytest.mark.parametrize("update", [{"stage": "download"}, {"eta_s": None}, {"progress": 1.0}])
def test_a_task_of_which_nothing_is_known_yet_counts_nothing(update):
    assert of(slots=(slot(current=CURRENT.model_copy(update=update)),)).worked_share == 0.0


def test_what_the_queue_says_is_passed_on():
    seen = of(queue=Queue(12.34, None, 0))
    assert (seen.queue_empty_s, seen.key_refused_s, seen.poll_failures) == (12.3, None, 0)
    seen = of(queue=Queue(None, 9.0, 4))
    assert (seen.queue_empty_s, seen.key_refused_s, seen.poll_failures) == (None, 9.0, 4)


def test_the_mean_time_in_each_stage_is_that_of_completed_videos():
    records = [record(stage_s={"infer": 10.0}), record(stage_s={"infer": 20.0, "encode": 4.0})]
    assert mean_stage_s([*records, record(ending="lost")]) == {"infer": 15.0, "encode": 2.0}
    assert mean_stage_s([]) == {}
