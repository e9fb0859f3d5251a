"""A host that runs out of what a pool needs: disk, files, a terminal.

docs/reliability.md has the table of what goes wrong with the test that shows it.
"""

import contextlib
import json
import os
import resource
import signal
from pathlib import Path

import psutil

from tests.chaos.conftest import CHAOTIC
from tests.fakes.running_pool import wait_until

MEGABYTE = 1_000_000
FAILED_STARTS = 3
"""So many in a row quarantine a slot, where they are its own fault."""


def test_a_full_work_disk_is_said_and_no_task_is_taken(start, add, watch, disk):
    disk.fill()
    item = add()
    pool = start(temp_dir=str(disk.folder / "temp"), min_free_disk_bytes=MEGABYTE // 2)
    wait_until(
        lambda: pool.slots() and "make room" in (pool.slots()[0]["reason"] or ""), "the reason"
    )
    assert watch.leases() == []
    disk.make_room()
    watch.until_all([item])


def test_a_work_disk_that_fills_up_in_the_middle_of_a_task_costs_only_time(
    start, add, watch, until_stage, disk, server
):
    pool = start(
        backend=CHAOTIC, temp_dir=str(disk.folder / "temp"), min_free_disk_bytes=MEGABYTE // 2
    )
    item = add("linger infer here")
    until_stage(pool, "infer", item)
    disk.fill()
    (pool.folder / "go-here").touch()
    wait_until(lambda: "No space left on device" in pool.said, "the full disk said")
    assert server.item(item).status == "processing"
    disk.make_room()
    watch.until_all([item])
    assert server.item(item).retry_count == 0


def test_a_full_log_disk_stops_no_work(start, add, watch, disk):
    disk.fill()
    pool = start(log_dir=str(disk.folder / "logs"))
    watch.until_all([add() for _ in range(2)])
    disk.make_room()
    before = pool.said.count("cannot be written (No space left on device)")
    assert before == 1
    assert "Traceback" not in pool.said
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0
    written = (disk.folder / "logs" / "pool.log").read_text()
    assert "the pool has ended" in written


CLOSED = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")


def test_a_closed_terminal_stops_no_work(start, add, watch):
    pool = start(through=CLOSED)
    watch.until_all([add() for _ in range(2)])
    pool.signal(signal.SIGTERM)
    assert pool.wait() == 0
    assert pool.said == ""
    assert "the pool has ended" in (pool.folder / "logs" / "pool.log").read_text()


@contextlib.contextmanager
def no_file_more(pid):
    """Let the process open nothing more."""
    process = psutil.Process(pid)
    soft, hard = process.rlimit(resource.RLIMIT_NOFILE)
    taken = {int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    lowest_free = min(set(range(len(taken) + 1)) - taken)
    process.rlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    yield
    process.rlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_pool_with_too_many_open_files_works_again_once_it_has_some(start, add, watch):
    pool = start()
    watch.until_all([add()])
    supervisor, [child] = pool.process.pid, pool.children()
    with no_file_more(supervisor):
        os.kill(child.pid, signal.SIGKILL)
        said = "child {} ended: it could not be started: Too many open files"
        wait_until(lambda: said.format(FAILED_STARTS + 2) in pool.said, "more starts than allowed")
        assert pool.slots()[0]["state"] == "backoff"
    watch.until_all([add()])


def test_a_child_with_too_many_open_files_works_again_once_it_has_some(start, add, watch):
    pool = start()
    watch.until_all([add()])
    [child] = pool.children()
    with no_file_more(child.pid):
        item = add()
        wait_until(lambda: "Too many open files" in pool.said, "the reason said")
    watch.until_all([item])
    assert pool.slots()[0]["restarts"] == 0


def test_a_torn_ledger_is_read_as_far_as_it_is_whole(start, add, expect, watch, server, tmp_path):
    poison, good = add("ok"), add("ok")
    expect(may_fail=frozenset({poison}))
    folder = tmp_path / "pool0"
    (folder / "state").mkdir(parents=True)
    death = json.dumps({"item": poison, "died": "killed by SIGSEGV"})
    torn = f'{death}\n\x00\x00{{"item": "a"\n\n[]\n{death}\n{{"item": "{good}", "di'
    (folder / "state" / "ledger.jsonl").write_text(torn)
    start(folder=folder)
    watch.until_all([good])
    watch.until_all([poison], "failed")
    assert server.item(poison).error_message == "crashed the worker twice: killed by SIGSEGV"


def test_a_state_folder_that_cannot_be_written_is_said_before_the_start(start, disk):
    with disk.sealed("state"):
        pool = start(state_dir=str(disk.folder / "state"))
        assert pool.wait() == 2
    assert pool.said == (
        f"start-pool: {disk.folder / 'state'} cannot be written (Read-only file system); set "
        "state_dir, temp_dir and log_dir to folders of your own\n"
    )


def test_a_state_folder_that_turns_read_only_is_said_and_waited_for(start, add, watch, disk):
    pool = start(state_dir=str(disk.folder / "state"), min_free_disk_bytes=0)
    watch.until_all([add()])
    with disk.sealed("state"):
        item = add()
        wait_until(lambda: "Read-only file system" in pool.said, "the reason said")
    watch.until_all([item])
    assert "ended" not in pool.said


def test_a_limit_that_is_too_low_is_said_at_the_start(start, watch, add):
    pool = start(through=("prlimit", "--nofile=200:"))
    watch.until_all([add()])
    assert (
        "start-pool: warning: open files: 200 allowed, 256 needed; "
        "raise it before the start: ulimit -n 512" in pool.said
    )
