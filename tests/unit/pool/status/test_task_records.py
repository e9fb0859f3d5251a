"""The newest leases, read back from the file that the supervisor writes."""

import json
from datetime import UTC, datetime

import pytest

from pool.messages import TaskEnded
from pool.status.task_records import TaskRecords
from pool.task_log import TaskLog

AT = datetime(2026, 1, 3, 10, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tasks.jsonl"


def end(log, item="item"):
    stage_s = {"infer": 3.5}
    log.ended("gpu0", "w", TaskEnded(item_id=item, ending="completed", reason="", stage_s=stage_s))


def test_what_the_supervisor_wrote_is_read_back(path):
    log = TaskLog(path, clock=lambda: AT)
    end(log)
    log.died("gpu1", "w", "other", "killed by SIGKILL")
    first, second = TaskRecords(path).read()
    assert (first.at, first.slot, first.item_id) == (AT.timestamp(), "gpu0", "item")
    assert (first.ending, first.stage_s) == ("completed", {"infer": 3.5})
    assert (second.ending, second.reason, second.stage_s) == ("died", "killed by SIGKILL", {})


def test_without_a_file_there_are_no_records(path):
    assert TaskRecords(path).read() == ()


@pytest.mark.parametrize("line", ["{", "[]", "null", '{"at": "soon"}', "\x00", ""])
def test_a_line_that_is_none_is_skipped(path, line):
    end(TaskLog(path))
    with path.open("a") as file:
        file.write(f"{line}\n")
    end(TaskLog(path))
    assert len(TaskRecords(path).read()) == 2


def test_new_lines_are_seen_and_an_unchanged_file_is_not_read_again(path):
    log, records = TaskLog(path), TaskRecords(path)
    end(log)
    first = records.read()
    assert records.read() is first
    end(log)
    assert len(records.read()) == 2


def test_a_file_that_has_just_been_replaced_is_read_with_its_predecessor(path):
    log = TaskLog(path, largest_bytes=1)
    end(log, "older")
    end(log, "newer")
    assert [record.item_id for record in TaskRecords(path).read()] == ["older", "newer"]


def test_of_a_large_file_only_the_end_is_read(path):
    line = json.dumps({"at": AT.isoformat(), "slot": "s", "item_id": "i" * 900, "ending": "lost"})
    with path.open("w") as file:
        for _ in range(5000):
            file.write(f'{line[:-1]}, "reason": "", "stage_s": {{}}}}\n')
    assert 1000 < len(TaskRecords(path).read()) < 3000
