"""What must hold in the end, as the server and the store show it, each line broken once."""

import dataclasses

from tests.checker import check
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


def test_e4_a_leak_that_the_server_saw_is_caught():
    forge = Forge().clean_run()
    forge.change(forge.log[-1], leaks=("a secret in the field error_message",))
    assert broken(shop(), forge.log) == ["E4"]
