import os
import stat
import tempfile
from pathlib import Path

import pytest

from pool.supervisor.device_locks import DeviceHeld, lock_device, lock_dir

OPEN_FILES = Path("/proc/self/fd")
UUID = "GPU-10000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def host(tmp_path, monkeypatch):
    """A host of its own: nobody else's locks."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def lock():
    held = []

    def take(uuid, holder="the pool in /a (pid 7)"):
        held.append(lock_device(uuid, holder))
        return held[-1]

    yield take
    for fd in held:
        os.close(fd)


def test_a_device_is_held_once_and_its_holder_is_named(lock):
    lock(UUID)
    with pytest.raises(DeviceHeld, match=r"held by the pool in /a \(pid 7\)"):
        lock(UUID, "the pool in /b (pid 8)")


def test_devices_are_held_apart(lock):
    lock(UUID)
    lock(UUID.replace("1", "2"))


def test_a_lock_that_was_let_go_can_be_taken_and_names_its_new_holder(lock):
    os.close(lock_device(UUID, "the pool in /with/a/long/name (pid 1)"))
    lock(UUID, "b")
    with pytest.raises(DeviceHeld, match=r"held by b$"):
        lock(UUID)


def test_a_lock_lives_as_long_as_any_process_that_inherited_it(lock):
    fd = lock_device(UUID, "a")
    inherited = os.dup(fd)
    os.close(fd)
    with pytest.raises(DeviceHeld):
        lock(UUID)
    os.close(inherited)
    lock(UUID)


def test_a_refusal_leaves_no_file_open(lock):
    lock(UUID)
    before = len(list(OPEN_FILES.iterdir()))
    for _ in range(5):
        with pytest.raises(DeviceHeld):
            lock_device(UUID, "b")
    assert len(list(OPEN_FILES.iterdir())) == before


def test_pools_of_other_users_can_use_the_same_locks(lock):
    old = os.umask(0o077)
    try:
        fd = lock(UUID)
    finally:
        os.umask(old)
    assert stat.S_IMODE(lock_dir().stat().st_mode) == 0o777
    assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o666


def test_a_link_in_the_locks_place_is_not_followed(tmp_path):
    elsewhere = tmp_path / "private"
    elsewhere.mkdir(mode=0o700)
    lock_dir().symlink_to(elsewhere)
    with pytest.raises(OSError, match="locks"):
        lock_device(UUID, "a")
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert not list(elsewhere.iterdir())
