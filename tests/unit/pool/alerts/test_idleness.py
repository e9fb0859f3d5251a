"""For how long nothing was finished although there was work."""

from pool.alerts.idleness import Idleness
from pool.status.observer import Look
from pool.status.queue import Queue
from pool.status.status_file import Found
from pool.status.task_records import TaskRecord
from pool.status.totals import totals
from tests.unit.pool.status.sample import status

T0 = 1_767_430_000.0


def look(*finished_at, empty=False, ending="completed"):
    records = tuple(TaskRecord(at, "gpu0", "i", ending, "", {}) for at in finished_at)
    queue = Queue(10.0 if empty else None, None, 0)
    found = Found(status(), 0.0)
    return Look(found, totals(found.status, records, queue, T0), records)


def test_idleness_counts_from_the_first_look():
    idle = Idleness().after(look(), T0).after(look(), T0 + 600)
    assert idle.too_long_s(T0 + 600, 1800.0) is None
    assert idle.too_long_s(T0 + 1800, 1800.0) == 1800.0


def test_a_finished_task_begins_it_anew():
    idle = Idleness().after(look(), T0).after(look(T0 + 900), T0 + 1800)
    assert idle.too_long_s(T0 + 1800, 1800.0) is None
    assert idle.too_long_s(T0 + 2700, 1800.0) == 1800.0


def test_a_task_that_was_lost_does_not():
    idle = Idleness().after(look(), T0).after(look(T0 + 900, ending="lost"), T0 + 1800)
    assert idle.too_long_s(T0 + 1800, 1800.0) == 1800.0


def test_an_empty_queue_is_no_idleness():
    idle = Idleness().after(look(), T0).after(look(empty=True), T0 + 1700)
    assert idle.too_long_s(T0 + 1900, 1800.0) is None


def test_before_the_first_look_nothing_is_known():
    assert Idleness().too_long_s(T0, 1.0) is None
