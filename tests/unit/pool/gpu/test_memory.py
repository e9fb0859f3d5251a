import pytest

from pool.gpu.memory import not_given_back
from pool.gpu.readings import Process, Reading

GIB = 1 << 30


def reading(used_bytes, *processes):
    return Reading(sampled_at=0.0, memory_used_bytes=used_bytes, processes=processes)


def test_memory_that_is_as_free_as_before_is_given_back():
    assert not_given_back(1 * GIB, reading(1 * GIB), 7) is None


def test_a_dead_process_that_the_device_still_lists_holds_its_memory():
    said = not_given_back(1 * GIB, reading(25 * GIB, Process(7, 24 * GIB)), 7)
    assert "dead process 7 with 24.0 GiB" in said


def test_more_memory_in_use_than_before_is_held_whatever_the_processes_are_called():
    said = not_given_back(1 * GIB, reading(25 * GIB, Process(90001, 24 * GIB)), 7)
    assert "24.0 GiB more than before" in said
    assert "process 90001" in said


@pytest.mark.parametrize(("before", "used"), [(None, 25 * GIB), (1 * GIB, None)])
def test_where_nobody_can_tell_nobody_waits(before, used):
    assert not_given_back(before, reading(used), 7) is None


def test_a_little_more_than_before_is_no_reason_to_wait():
    assert not_given_back(1 * GIB, reading(int(1.5 * GIB)), 7) is None
