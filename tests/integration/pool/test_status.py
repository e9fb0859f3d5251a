"""`bin/pool-status`: while a pool runs, after it was killed, and when there is none."""

import json
import os
import resource
import signal
import subprocess
import sys

from pool.status.schema import Status
from tests.fakes.running_pool import ROOT, wait_until


def pool_status(folder, *flags):
    return subprocess.run(
        [ROOT / "bin" / "pool-status", "--state-dir", folder / "state", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def shown(folder):
    """The exit code and the status; it is what was promised, or this fails."""
    ended = pool_status(folder, "--json")
    said = json.loads(ended.stdout)
    said.pop("totals", None)  # stands beside what was promised, as the host and the money do
    assert said.pop("host")["memory_total_bytes"] > 0
    assert said.pop("spent_today") is None
    return ended.returncode, Status.model_validate(said)


def test_the_status_is_whole_at_every_moment_of_a_pools_life(add, start, watch, until_stage):
    pool = start("--workers", "2")
    wait_until(pool.status, "a first status")
    assert shown(pool.folder)[0] in (0, 1, 2)  # by now they may have loaded
    pool.wait_for_states("ready", "ready")
    code, status = shown(pool.folder)
    assert (code, status.pool.state, status.pool.pid) == (0, "running", pool.process.pid)

    items = [add("sleep 1"), add("sleep 1")]
    until_stage(pool, "infer")
    while set(watch.status_of(*items)) != {"completed"}:
        code, status = shown(pool.folder)
        assert code == 0
    os.kill(status.slots[0].pid, signal.SIGKILL)
    wait_until(lambda: pool.slots()[0]["restarts"] == 1, "a restart")
    assert shown(pool.folder)[1].slots[0].last_exit.signal == 9

    pool.signal(signal.SIGKILL)
    pool.wait()
    code, status = shown(pool.folder)
    assert (code, status.pool.state) == (2, "dead")
    assert {(slot.state, slot.pid) for slot in status.slots} == {("stopped", None)}
    assert pool_status(pool.folder, "--health").stdout.startswith("the pool is dead: ")
    assert "dead" in pool_status(pool.folder).stdout

    again = start("--workers", "2", folder=pool.folder)
    wait_until(lambda: again.status()["pool"]["pid"] == again.process.pid, "its own status")
    again.wait_for_states("ready", "ready")
    assert shown(pool.folder)[0] == 0
    again.signal(signal.SIGTERM)
    again.wait()
    code, status = shown(pool.folder)
    assert (code, status.pool.state) == (3, "stopped")


def test_without_a_pool_it_says_where_it_looked(tmp_path):
    for flags in ((), ("--json",), ("--health",)):
        ended = pool_status(tmp_path, *flags)
        assert (ended.returncode, ended.stdout) == (3, "")
        assert ended.stderr == (
            f"pool-status: no pool has run in {tmp_path / 'state'}; name its folder: --state-dir\n"
        )


def cpu_s(run):
    """What the processes that `run` starts and waits for cost, in seconds of a core."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_it_costs_little_more_than_the_import_of_what_it_needs(start):
    """A ratio, because a crowded machine makes everything dearer: about 2, and 0.4 s of a core."""
    pool = start()
    pool.wait_for_states("ready")
    needs = [sys.executable, "-c", "import psutil, pydantic; pydantic.BaseModel"]
    least_s = cpu_s(lambda: subprocess.run(needs, check=True))
    for flags in ((), ("--json",)):
        assert cpu_s(lambda flags=flags: pool_status(pool.folder, *flags)) < 5 * least_s
