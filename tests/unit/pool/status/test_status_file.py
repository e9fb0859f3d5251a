import errno
import fcntl
import os

import pytest

from pool.state_dir import StateDir
from pool.status.status_file import NoPool, read_status, write_status
from tests.unit.pool.status.sample import CURRENT, slot, status


@pytest.fixture
def state_dir(tmp_path):
    return StateDir(tmp_path)


@pytest.fixture
def held(state_dir):
    """The pool's lock, held as by a live supervisor."""
    fd = os.open(state_dir.lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    yield
    os.close(fd)


def age(state_dir, seconds):
    then = state_dir.status.stat().st_mtime - seconds
    os.utime(state_dir.status, (then, then))


@pytest.mark.usefixtures("held")
def test_a_living_pools_status_is_read_as_it_was_written(state_dir):
    write_status(state_dir, status())
    found = read_status(state_dir)
    assert found.status == status()
    assert not found.stale


@pytest.mark.parametrize("state", ["running", "draining"])
def test_a_pool_that_says_it_runs_and_holds_no_lock_is_dead(state_dir, state):
    state_dir.lock.touch()
    write_status(state_dir, status(state=state))
    assert read_status(state_dir).status.pool.state == "dead"


def test_a_pool_whose_lock_file_is_gone_is_dead_too(state_dir):
    write_status(state_dir, status())
    assert read_status(state_dir).status.pool.state == "dead"


def test_a_dead_pools_slots_do_nothing_any_more(state_dir):
    write_status(
        state_dir, status(slot("gpu0", state="ready"), slot("gpu1", "busy", current=CURRENT))
    )
    idle, busy = read_status(state_dir).status.slots
    assert (idle.state, idle.reason) == ("stopped", "its supervisor died while it was ready")
    assert (idle.pid, idle.gpu, idle.rss_bytes) == (None, None, None)
    assert (busy.state, busy.current) == ("stopped", None)
    assert busy.reason == f"its supervisor died while it was busy with {CURRENT.item_id}"


def test_a_slot_that_was_given_up_before_its_pool_died_keeps_its_reason(state_dir):
    write_status(state_dir, status(slot("gpu0", state="lost", reason="the device is gone")))
    [gone] = read_status(state_dir).status.slots
    assert (gone.state, gone.reason) == ("lost", "the device is gone")


def test_a_pool_that_has_ended_is_stopped_for_ever(state_dir):
    write_status(state_dir, status(state="stopped"))
    age(state_dir, 1e6)
    found = read_status(state_dir)
    assert found.status.pool.state == "stopped"
    assert not found.stale


@pytest.mark.usefixtures("held")
def test_a_status_that_is_no_longer_written_is_stale(state_dir):
    write_status(state_dir, status())
    age(state_dir, 30)
    found = read_status(state_dir)
    assert found.stale
    assert 29 <= found.age_s <= 40


@pytest.mark.usefixtures("held")
def test_a_clock_that_was_set_back_makes_nothing_stale(state_dir):
    write_status(state_dir, status())
    age(state_dir, -86_400)
    assert not read_status(state_dir).stale


def test_without_a_status_there_is_no_pool(state_dir):
    with pytest.raises(NoPool, match="no pool has run in"):
        read_status(state_dir)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"{}", b'{"schema": 2, "pool": {}, "slots": []}', b"null"]
)
def test_a_torn_status_is_said_to_be_unreadable(state_dir, content):
    state_dir.status.write_bytes(content)
    with pytest.raises(NoPool, match=r"cannot be read \(ValidationError\)$"):
        read_status(state_dir)


def test_a_status_is_replaced_whole(state_dir):
    write_status(state_dir, status(*(slot(f"gpu{n}") for n in range(8))))
    write_status(state_dir, status())
    assert len(read_status(state_dir).status.slots) == 1
    assert [path.name for path in state_dir.path.iterdir()] == ["status.json"]


def test_a_status_that_cannot_be_written_leaves_the_old_one(state_dir):
    write_status(state_dir, status())
    (state_dir.path / "status.tmp").mkdir()
    with pytest.raises(OSError) as refused:
        write_status(state_dir, status(slot("another")))
    assert refused.value.errno == errno.EISDIR
    assert read_status(state_dir).status.slots[0].slot == "gpu0"
