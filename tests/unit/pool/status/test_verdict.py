import pytest

from pool.exit_codes import StatusExitCode
from pool.status.status_file import STALE_AFTER_S, Found
from pool.status.verdict import one_line, verdict
from tests.unit.pool.status.sample import slot, status

E = StatusExitCode


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["ready"], E.ALL_WORK),
        (["ready", "busy", "draining"], E.ALL_WORK),
        (["busy", "starting"], E.SOME_DO_NOT),
        (["busy", "quarantined"], E.SOME_DO_NOT),
        (["ready", "stopped"], E.SOME_DO_NOT),
        (["starting", "backoff"], E.NONE_WORKS),
        (["quarantined", "lost"], E.NONE_WORKS),
    ],
)
def test_the_exit_code_says_how_many_slots_work(states, code):
    slots = [slot(f"gpu{n}", state) for n, state in enumerate(states)]
    assert verdict(Found(status(*slots), age_s=0.5)) is code


@pytest.mark.parametrize(
    ("state", "age_s", "code"),
    [
        ("dead", 0.0, E.NONE_WORKS),
        ("stopped", 0.0, E.NO_POOL),
        ("stopped", 1e6, E.NO_POOL),
        ("running", STALE_AFTER_S + 1, E.NONE_WORKS),
        ("draining", STALE_AFTER_S + 1, E.NONE_WORKS),
        ("running", STALE_AFTER_S - 1, E.ALL_WORK),
    ],
)
def test_a_pool_that_is_not_there_is_told_from_one_that_does_not_work(state, age_s, code):
    assert verdict(Found(status(state=state), age_s)) is code


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (Found(status(slot("gpu0")), 0.5), "1 of 1 slot works"),
        (
            Found(status(slot("gpu0"), slot("gpu1", "backoff", reason="killed by SIGKILL")), 0.5),
            "1 of 2 slots work; gpu1: killed by SIGKILL",
        ),
        (
            Found(status(state="dead"), 0.5),
            "the pool is dead: its supervisor ended without a word; see logs/pool.log and dmesg",
        ),
        (Found(status(state="stopped"), 99.0), "the pool is stopped"),
        (
            Found(status(), 42.0),
            "the status is 42s old: the supervisor hangs or is stopped",
        ),
    ],
)
def test_the_health_is_one_line(found, line):
    assert one_line(found) == line
