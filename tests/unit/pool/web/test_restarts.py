"""The log of restarts on the status page."""

from pool.web.restarts import RestartLog
from tests.unit.pool.status.sample import LAST_EXIT, slot, status


def test_each_end_of_a_child_is_noted_once_and_the_newest_stands_first():
    log = RestartLog()
    later = LAST_EXIT.model_copy(update={"at": "2026-01-03T09:30:00Z", "reason": "it hung"})
    log.note(status(slot("gpu0", last_exit=LAST_EXIT), slot("gpu1")))
    log.note(status(slot("gpu0", last_exit=LAST_EXIT), slot("gpu1")))
    log.note(status(slot("gpu0", last_exit=later), slot("gpu1")))
    assert [(r.slot, r.reason) for r in log.newest_first] == [
        ("gpu0", "it hung"),
        ("gpu0", "killed by SIGKILL"),
    ]
