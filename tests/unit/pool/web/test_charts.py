"""What the page's charts are drawn from."""

from pool.status.task_records import TaskRecord
from pool.web.charts import BUCKET_S, buckets, chart_data
from pool.web.history import KEPT_S, Sample, SlotSample

NOW = 1_767_430_000.0


def record(at, ending="completed", infer=90.0):
    return TaskRecord(at, "gpu0", "item", ending, "", {"infer": infer})


def test_the_hours_are_cut_into_quarters_of_which_the_last_is_the_running_one():
    found = buckets([], NOW)
    assert len(found) == KEPT_S / BUCKET_S
    assert found[-1].at <= NOW < found[-1].at + BUCKET_S
    assert found[1].at - found[0].at == BUCKET_S


def test_a_quarter_counts_its_videos_and_the_mean_time_of_their_stages():
    last = buckets([record(NOW), record(NOW, infer=110.0), record(NOW, "lost")], NOW)[-1]
    assert (last.videos, last.stage_s) == (2, {"infer": 100.0})


def test_what_is_older_or_yet_to_come_is_in_no_quarter():
    found = buckets([record(NOW - KEPT_S - BUCKET_S), record(NOW + BUCKET_S)], NOW)
    assert sum(bucket.videos for bucket in found) == 0


def test_a_slot_that_was_not_there_leaves_a_gap():
    samples = [
        Sample(1.0, {"gpu0": SlotSample("busy", 90)}),
        Sample(2.0, {"gpu1": SlotSample("x")}),
    ]
    data = chart_data(samples, [], NOW)
    assert data["at"] == [1.0, 2.0]
    assert data["slots"]["gpu0"]["load_percent"] == [90, None]
    assert data["slots"]["gpu1"]["load_percent"] == [None, None]
