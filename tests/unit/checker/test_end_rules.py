"""The four lines that must hold in the end, each broken once."""

import dataclasses
import fcntl
import os

from tests.checker import check, check_leftovers, find_secrets, gather_leftovers
from tests.unit.checker.forge import EXPECT, Forge, item, rules, shop


def broken(store, log=None, expect=EXPECT):
    return rules(check(Forge().clean_run().log if log is None else log, store, (), expect))


def test_e1_an_item_that_never_ended_is_caught():
    assert broken(shop(item("processing"))) == ["E1"]
    assert broken(shop(item("pending"))) == ["E1"]


def test_e1_an_item_may_be_pending_in_a_run_that_was_stopped():
    stopped = dataclasses.replace(EXPECT, finished=False)
    assert broken(shop(item("pending")), expect=stopped) == []


def test_e1_a_video_that_does_not_play_is_caught():
    expect = dataclasses.replace(EXPECT, why_not_playable=lambda data: "it is empty")
    assert broken(shop(), expect=expect) == ["E1"]


def test_e1_a_reason_that_nobody_understands_is_caught():
    assert broken(shop(item("failed", error_message="KeyError: 'x'"))) == ["E1"]
    assert broken(shop(item("failed", error_message="The photo is empty."))) == []


def test_e2_a_completed_item_without_its_video_is_caught():
    assert broken(shop(videos=())) == ["E2"]


def test_e2_an_item_that_went_from_completed_to_failed_is_caught():
    forge = Forge().clean_run()
    forge.report(
        400.0,
        status="failed",
        why="The photo is gone.",
        worker="else-gpu0-x",
        previous_status="completed",
    )
    assert broken(shop(), forge.log) == ["E2"]


def test_e3_what_is_left_behind_is_named(tmp_path):
    state, temp = tmp_path / "state", tmp_path / "temp"
    state.mkdir()
    temp.mkdir()
    (temp / "video.part").write_bytes(b"x")
    (state / "status.json").write_text("{}")
    with (state / "pool.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = gather_leftovers([os.getpid(), 2**22 + 1], state, temp)
    assert [str(violation) for violation in check_leftovers(found)] == [
        f"E3: process {os.getpid()} still runs",
        f"E3: the lock {state / 'pool.lock'} is still held",
        f"E3: the temporary file {temp / 'video.part'} is left",
    ]


def test_e3_a_clean_host_passes(tmp_path):
    assert check_leftovers(gather_leftovers([], tmp_path, tmp_path)) == []


def test_e4_a_leak_that_the_server_saw_is_caught():
    forge = Forge().clean_run()
    forge.change(forge.log[-1], leaks=("a secret in the field error_message",))
    assert broken(shop(), forge.log) == ["E4"]


def test_e4_a_secret_in_a_file_is_caught_and_not_repeated(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/pool.log").write_text("using key s3cr3t-key")
    (tmp_path / "clean.log").write_text("using the key")
    found = find_secrets(["s3cr3t-key", ""], [tmp_path])
    assert [str(violation) for violation in found] == [
        f"E4: {tmp_path / 'logs/pool.log'} holds a key or a token"
    ]
