"""One line for every lease that ended."""

import json
from datetime import UTC, datetime

from pool.messages import TaskEnded
from pool.task_log import TaskLog

COMPLETED = TaskEnded(
    item_id="item-1",
    ending="completed",
    reason="",
    stage_s={"infer": 1.5, "upload": 0.1},
    storage_path="videos/item-1.mp4",
    video_frames=9,
    video_size="96x64",
)


def noon():
    return datetime(2026, 5, 1, 12, tzinfo=UTC)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_completed_lease_is_one_line_with_the_seconds_of_each_stage(tmp_path):
    path = tmp_path / "tasks.jsonl"
    TaskLog(path, clock=noon).ended("cpu0", "pool-cpu0-1a", COMPLETED)
    assert lines(path) == [
        {
            "at": "2026-05-01T12:00:00.000Z",
            "slot": "cpu0",
            "worker_id": "pool-cpu0-1a",
            "item_id": "item-1",
            "ending": "completed",
            "reason": "",
            "stage_s": {"infer": 1.5, "upload": 0.1},
            "storage_path": "videos/item-1.mp4",
            "video_frames": 9,
            "video_size": "96x64",
        }
    ]


def test_a_lease_whose_child_died_has_the_same_fields(tmp_path):
    path = tmp_path / "tasks.jsonl"
    log = TaskLog(path)
    log.ended("cpu0", "a", COMPLETED)
    log.died("cpu1", "b", "item-2", "killed by SIGKILL")
    completed, died = lines(path)
    assert died.keys() == completed.keys()
    assert (died["ending"], died["reason"]) == ("died", "killed by SIGKILL")


def test_a_full_file_makes_room_for_a_new_one(tmp_path):
    path = tmp_path / "tasks.jsonl"
    log = TaskLog(path, largest_bytes=1)
    for number in range(3):
        log.died("cpu0", "a", f"item-{number}", "")
    assert [line["item_id"] for line in lines(path)] == ["item-2"]
    assert [line["item_id"] for line in lines(tmp_path / "tasks.jsonl.1")] == ["item-1"]


def test_a_file_that_cannot_be_written_costs_the_line_and_not_the_pool(tmp_path):
    (tmp_path / "tasks.jsonl").mkdir()
    TaskLog(tmp_path / "tasks.jsonl").died("cpu0", "a", "item", "")
