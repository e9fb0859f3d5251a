"""What happened to each lease, for whoever asks later."""

import json
import os
import stat
import time

import pytest

from pool.event_log import EventLog, NoEventLog, event_sink


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "events"


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_one_line_with_everything_that_orders_it(folder):
    before = time.monotonic()
    EventLog(folder / "cpu0.jsonl", "cpu0").note("leased", "w-cpu0-1", "item-1")
    [line] = lines_of(folder / "cpu0.jsonl")
    assert before <= line.pop("t") <= time.monotonic()
    assert line == {
        "pid": os.getpid(),
        "slot": "cpu0",
        "worker_id": "w-cpu0-1",
        "item_id": "item-1",
        "event": "leased",
    }


def test_the_next_incarnation_goes_on_in_the_same_file(folder):
    for worker_id in ("w-cpu0-1", "w-cpu0-2"):
        event_sink(folder, "cpu0", wanted=True).note("leased", worker_id, "item-1")
    lines = lines_of(folder / "cpu0.jsonl")
    assert [line["worker_id"] for line in lines] == ["w-cpu0-1", "w-cpu0-2"]


def test_each_slot_has_a_file_of_its_own(folder):
    for slot in ("cpu0", "cpu1", "pool"):
        event_sink(folder, slot, wanted=True).note("died", "w", "item-1")
    assert sorted(path.name for path in folder.iterdir()) == [
        "cpu0.jsonl",
        "cpu1.jsonl",
        "pool.jsonl",
    ]


def test_a_hostile_id_stays_on_its_line(folder):
    EventLog(folder / "cpu0.jsonl", "cpu0").note("leased", "w", 'a"\n{"event": "stored"}')
    [line] = lines_of(folder / "cpu0.jsonl")
    assert line["event"] == "leased"


def test_the_log_is_for_its_owner_alone(folder):
    EventLog(folder / "cpu0.jsonl", "cpu0").note("leased", "w", "item-1")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "cpu0.jsonl").stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_costs_the_record_and_not_the_work(folder):
    log = EventLog(folder / "cpu0.jsonl", "cpu0")
    (folder / "cpu0.jsonl").mkdir()
    log.note("leased", "w", "item-1")


def test_a_full_disk_costs_the_record_and_not_the_work(folder):
    log = EventLog(folder / "cpu0.jsonl", "cpu0")
    (folder / "cpu0.jsonl").symlink_to("/dev/full")
    log.note("leased", "w", "item-1")


def test_nothing_is_written_unless_it_is_wanted(folder):
    sink = event_sink(folder, "cpu0", wanted=False)
    sink.note("leased", "w", "item-1")
    assert isinstance(sink, NoEventLog)
    assert not folder.exists()
