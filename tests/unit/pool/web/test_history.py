"""The samples of the last hours."""

import pytest

from pool.web.history import EVERY_S, KEPT_S, History, Sample, SlotSample
from tests.unit.pool.status.sample import DEVICE, GPU, slot, status

T0 = 1_767_430_000.0


def sample(at=T0):
    return Sample(at, {"gpu0": SlotSample("busy", 97, 5, 61, 600.5)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.jsonl"


def test_a_sample_holds_what_a_status_knows():
    known = slot("gpu0", "busy", device=DEVICE, gpu=GPU)
    taken = Sample.of(status(known, slot("cpu0")), T0)
    assert taken.slots["gpu0"] == SlotSample("busy", 97, GPU.memory_used_bytes, 64, 612.5)
    assert taken.slots["cpu0"] == SlotSample("ready")


def test_samples_survive_a_restart(path):
    history = History(path)
    history.add(sample())
    history.add(sample(T0 + EVERY_S))
    history.close()
    assert History(path).samples == (sample(), sample(T0 + EVERY_S))


def test_samples_that_are_too_old_are_forgotten(path):
    history = History(path)
    history.add(sample())
    history.add(sample(T0 + KEPT_S + 1))
    assert [kept.at for kept in history.samples] == [T0 + KEPT_S + 1]


def test_a_sample_is_due_every_few_seconds_and_when_the_clock_was_set_back(path):
    history = History(path)
    assert history.due(T0)
    history.add(sample())
    assert not history.due(T0 + EVERY_S - 1)
    assert history.due(T0 + EVERY_S)
    assert history.due(T0 - 3600)


def test_the_file_is_kept_small_with_its_predecessor_beside_it(path):
    history = History(path, largest_bytes=200)
    for number in range(20):
        history.add(sample(T0 + number))
    history.close()
    assert path.stat().st_size < 400
    assert path.with_name("history.jsonl.1").stat().st_size < 400
    assert History(path).samples[-1].at == T0 + 19


def test_of_two_processes_only_one_writes(path):
    first, second = History(path), History(path)
    second.add(sample(T0 + 1))
    assert not path.exists()
    first.add(sample())
    assert len(path.read_text().splitlines()) == 1
    first.close()
    assert History(path).samples == (sample(),)


@pytest.mark.parametrize("line", ["{", "[]", '{"at": 1}', '{"at": 1, "slots": {"a": {"x": 1}}}'])
def test_a_line_that_is_no_sample_is_skipped(path, line):
    path.write_text(f"{line}\n")
    history = History(path)
    history.add(sample())
    history.close()
    assert History(path).samples == (sample(),)


def test_a_folder_that_cannot_be_written_costs_the_memory_alone(tmp_path):
    history = History(tmp_path / "gone" / "history.jsonl")
    history.add(sample())
    assert history.samples == (sample(),)
