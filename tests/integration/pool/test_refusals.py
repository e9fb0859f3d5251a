"""Pools that must not run, or no longer: each ends with its code and one line for a person."""

import os
import signal
import socket
import subprocess

import pytest

from tests.fakes.running_pool import QUICK_BACKEND, ROOT, wait_until


@pytest.fixture
def one_line(tmp_path):
    """Runs start-pool to its end; its exit code and the one line that it says."""

    def run(*flags, **environ):
        ended = subprocess.run(
            [ROOT / "bin" / "start-pool", *flags],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.stdout == ""
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        return ended.returncode, ended.stderr

    return run


CONFIGURED = {
    "VERCEL_API_URL": "http://127.0.0.1:9",
    "WORKER_API_KEY": "key-of-the-worker",
    "POOL_BACKEND": QUICK_BACKEND,
}


def test_a_status_page_whose_port_is_taken_is_said_before_anything_starts(one_line):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = one_line("--device", "cpu", "--http", f"127.0.0.1:{port}", **CONFIGURED)
    assert code == 2
    assert f"127.0.0.1:{port} is not free" in said
    assert "another port" in said


def test_a_missing_setting_is_named(one_line):
    code, line = one_line(WORKER_API_KEY="key-of-the-worker")
    assert code == 2
    assert "VERCEL_API_URL" in line
    assert "Traceback" not in line


def test_a_wrong_setting_is_named_with_where_it_was_read(one_line):
    code, line = one_line("--device", "cpu", **CONFIGURED, POLL_INTERVAL="soon")
    assert code == 2
    assert "POLL_INTERVAL" in line


def test_a_wrong_key_of_a_mapping_is_named_with_its_file_and_line(one_line, tmp_path):
    (tmp_path / "c.yaml").write_text("device: cpu\nwan:\n  stepz: 5\n  crf: best\n")
    configured = {**CONFIGURED, "POOL_BACKEND": "wan"}
    code, line = one_line("--config", "c.yaml", **configured)
    assert code == 2
    assert line == (
        "start-pool: c.yaml:4: wan.crf: it must be a whole number; "
        "c.yaml:3: wan.stepz: there is no such key; the nearest is 'steps'\n"
    )


def test_a_flag_that_is_not_known_is_named_and_no_other_is_guessed(one_line):
    code, line = one_line("--worker", "2", **CONFIGURED)
    assert code == 2
    assert line == "start-pool: unrecognized arguments: --worker 2; --help shows the flags\n"


def test_a_state_folder_that_cannot_be_made_is_named(one_line, tmp_path):
    (tmp_path / "file").touch()
    code, line = one_line("--device", "cpu", "--state-dir", "file/state", **CONFIGURED)
    assert code == 2
    assert "file/state" in line


def test_without_a_gpu_it_is_said_what_was_looked_for(one_line, no_driver):
    code, line = one_line(**CONFIGURED, **no_driver)
    assert code == 3
    assert "libnvidia-ml" in line
    assert "--device cpu" in line


def test_a_backend_that_is_not_there_is_a_wrong_setting(start):
    pool = start(backend="tests.fakes.nowhere:Nothing")
    assert pool.wait() == 2
    assert "tests.fakes.nowhere" in pool.slots()[0]["reason"]
    assert pool.slots()[0]["restarts"] == 0


def test_a_wrong_key_ends_the_pool(start):
    pool = start("--workers", "2", key="a-wrong-key")
    assert pool.wait() == 4
    assert "401" in pool.said
    assert "a-wrong-key" not in pool.said
    assert {slot["restarts"] for slot in pool.slots()} == {0}


def test_a_wrong_key_does_not_wait_for_a_load(start):
    pool = start("--workers", "2", key="a-wrong-key", backend_options={"load_s": 300})
    assert pool.wait() == 4


def test_a_key_that_is_refused_later_stops_new_leases_and_nothing_else(
    server, add, start, expect, watch
):
    expect(finished=False)
    item = add()
    pool = start()
    watch.until_all([item])
    server.set_keys("another-key")
    wait_until(lambda: any(e.status == 401 for e in watch.sent("next-task")), "the refusal")
    add()
    wait_until(lambda: "refuses the key now" in pool.said, "the refusal told")
    assert pool.process.poll() is None
    assert len(watch.leases()) == 1
    pool.signal(15)
    assert pool.wait() == 0


def test_slots_that_never_load_are_quarantined_and_the_pool_ends(start):
    pool = start(backend_options={"fail_load": "unfit"})
    assert pool.wait() == 5
    [slot] = pool.slots()
    assert (slot["state"], slot["incarnation"]) == ("quarantined", 3)
    assert slot["reason"] == (
        "quarantined: failed to start 3 times in a row, the last time: "
        "the weights could not be read"
    )


def test_a_second_pool_in_the_same_folder_says_who_holds_it(start):
    first = start()
    first.wait_for_states("ready")
    second = start(folder=first.folder)
    assert second.wait() == 8
    assert f"a pool (pid {first.process.pid}) runs in" in second.said
    assert first.process.poll() is None
    first.signal(15)
    assert first.wait() == 0


def test_a_dry_run_prints_the_plan_and_no_secret(start, tmp_path):
    pool = start("--workers", "2", "--dry-run", key="a-very-secret-key", worker_id="rig")
    assert pool.wait() == 0
    for piece in ("cpu0", "cpu1", "rig-cpu1-<token>", "lease_duration_seconds", "config.yaml"):
        assert piece in pool.said
    assert "a-very-secret-key" not in pool.said
    assert not (pool.folder / "state").exists()


def test_an_api_that_is_down_at_first_is_waited_for(server, add, start, watch):
    item = add()
    server.go_down()
    pool = start()
    wait_until(lambda: "could not be asked" in pool.said, "a refused question")
    server.come_up()
    watch.until_all([item])
    assert pool.slots()[0]["restarts"] == 0


def test_ctrl_c_before_the_children_start_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as hub:
        started = subprocess.Popen(
            [ROOT / "bin" / "start-pool", "--device", "cpu"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "VERCEL_API_URL": "http://127.0.0.1:9",
                "WORKER_API_KEY": "key-of-the-worker",
                "HF_ENDPOINT": f"http://127.0.0.1:{hub.getsockname()[1]}",
            },
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        hub.settimeout(60)
        silent, _ = hub.accept()
        os.killpg(started.pid, signal.SIGINT)
        _, said = started.communicate(timeout=30)
        silent.close()
    assert started.returncode == 9
    assert said.splitlines()[-1] == "start-pool: interrupted before anything was started"
    assert "Traceback" not in said
