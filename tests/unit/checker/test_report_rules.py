"""A forged log that breaks each of R1 to R4, and its neighbour that does not."""

import dataclasses

import pytest

from tests.checker import check
from tests.checker.report_rules import why_not_understood
from tests.fakes.bad_server import Effect
from tests.unit.checker.forge import (
    CLEAN_EVENTS,
    EXPECT,
    ITEM,
    PATH,
    Forge,
    event,
    item,
    rules,
    shop,
)

UNFINISHED = dataclasses.replace(EXPECT, finished=False)


def broken(forge, events=(), expect=UNFINISHED):
    return rules(check(forge.log, shop(item("processing")), events, expect))


def confirmed():
    forge = Forge()
    forge.lease(100.0)
    forge.sign(100.5)
    forge.heartbeat(101.2)
    return forge


class TestR1:
    def test_completed_without_stored_bytes_is_caught(self):
        forge = confirmed()
        forge.report(300.0, answer=500)
        assert broken(forge) == ["R1"]

    def test_completed_before_the_bytes_were_accepted_is_caught(self):
        forge = confirmed()
        signed = forge.sign(299.0)
        forge.report(300.0)
        forge.put(300.2, signed)
        assert broken(forge) == ["R1"]

    def test_a_refused_upload_stores_nothing(self):
        forge = confirmed()
        forge.put(299.5, forge.sign(299.0), status=400)
        forge.report(300.0)
        assert broken(forge) == ["R1"]

    def test_an_object_that_a_former_worker_left_may_be_reported(self):
        forge = confirmed()
        forge.add("admin", 90.0, status=None, effect=Effect("stored", 90.0, ITEM, path=PATH))
        forge.report(102.0)
        assert broken(forge) == []

    def test_an_object_that_was_deleted_may_not(self):
        forge = confirmed()
        for kind, at in (("stored", 90.0), ("deleted", 95.0)):
            forge.add("admin", at, status=None, effect=Effect(kind, at, ITEM, path=PATH))
        forge.report(102.0)
        assert broken(forge) == ["R1"]

    def test_a_report_may_ask_whether_the_object_exists_when_signing_was_refused(self):
        forge = confirmed()
        forge.change(forge.log[1], status=500)
        forge.report(102.0, answer=500)
        assert broken(forge) == []

    @pytest.mark.parametrize(
        ("answer", "caught"),
        [
            ({"delivered": False}, []),
            ({"status": 502}, []),
            ({"fault": "Canned"}, []),
            ({"status": 400}, ["R1"]),
        ],
        ids=["lost", "an error of the storage", "a page under a 200", "a refusal"],
    )
    def test_a_report_may_ask_where_an_upload_was_answered_by_nothing_of_use(self, answer, caught):
        forge = confirmed()
        forge.change(forge.put(101.5, forge.sign(101.4)), effect=None, **answer)
        forge.report(102.0, answer=500)
        assert broken(forge) == caught

    def test_such_a_question_that_completes_an_item_without_bytes_is_caught(self):
        forge = confirmed()
        forge.change(forge.log[1], status=500)
        forge.report(102.0, answer=200)
        assert broken(forge) == ["R1"]

    def test_another_items_video_is_caught(self):
        forge = confirmed()
        forge.report(102.0, path="videos/item-2.mp4")
        assert broken(forge) == ["R1"]


class TestR2:
    def test_failed_after_completed_is_caught(self):
        forge = Forge().clean_run()
        forge.report(301.0, status="failed", why="The photo is gone.")
        assert broken(forge) == ["R2"]

    def test_it_is_caught_when_the_first_answer_was_lost_too(self):
        forge = Forge().clean_run()
        forge.change(forge.log[-1], delivered=False)
        forge.report(301.0, status="failed", why="The photo is gone.")
        assert broken(forge) == ["R2"]

    def test_the_same_report_may_be_sent_again(self):
        forge = Forge().clean_run()
        forge.change(forge.log[-1], delivered=False)
        forge.report(301.0)
        assert broken(forge) == []


class TestR3:
    def test_a_good_task_that_is_reported_failed_is_caught(self):
        forge = confirmed()
        forge.report(102.0, status="failed", why="The photo is gone.")
        assert broken(forge, expect=dataclasses.replace(UNFINISHED, may_fail=frozenset())) == ["R3"]

    def test_a_task_that_may_fail_may(self):
        forge = confirmed()
        forge.report(102.0, status="failed", why="The photo is gone.")
        expect = dataclasses.replace(UNFINISHED, may_fail=frozenset({ITEM}))
        assert broken(forge, expect=expect) == []

    @pytest.mark.parametrize(
        "why",
        [
            "CUDA error: device-side assert triggered",
            "the device ran out of memory",
            "No space left on device",
            "worker got SIGTERM while busy",
        ],
    )
    def test_a_fault_of_ours_that_is_reported_failed_is_caught(self, why):
        forge = confirmed()
        forge.report(102.0, status="failed", why=why)
        assert broken(forge) == ["R3"]

    def test_a_task_that_killed_two_children_may_fail_for_it_however_they_died(self):
        forge = confirmed()
        forge.report(102.0, status="failed", why="crashed the worker twice: killed by SIGKILL")
        deaths = [event("died", 50.0), event("died", 80.0)]
        assert broken(forge, deaths) == []
        assert broken(forge, deaths[1:]) == ["R3"]
        elsewhere = event("died", 50.0, worker="another-gpu0-cccc")
        assert broken(forge, [elsewhere, *deaths[1:]]) == ["R3"]


class TestR4:
    def test_an_upload_with_a_url_signed_long_before_is_caught(self):
        forge = confirmed()
        forge.put(200.0, forge.sign(150.0))
        assert broken(forge) == ["R4"]

    def test_an_inference_without_an_early_presign_is_caught(self):
        forge = Forge()
        forge.lease(100.0)
        forge.heartbeat(101.2)
        assert broken(forge, [event("infer_started", 101.5)]) == ["R4"]

    def test_of_two_pools_that_raced_for_an_item_neither_is_accused_for_the_other_s_presign(self):
        forge = Forge()
        forge.lease(100.0)
        forge.lease(100.01, worker="another-gpu0-cccc")
        forge.sign(100.5, connection=7)
        forge.sign(100.6, connection=8)
        forge.heartbeat(101.2)
        assert broken(forge, [event("infer_started", 101.5)]) == []

    def test_an_upload_with_the_url_from_before_the_inference_is_caught(self):
        forge = confirmed()
        forge.put(110.0, forge.log[1])
        assert broken(forge, [event("infer_started", 101.5)]) == ["R4"]

    def test_signed_before_the_inference_and_again_before_the_upload_passes(self):
        assert broken(Forge().clean_run(), CLEAN_EVENTS) == []


@pytest.mark.parametrize(
    "message",
    [
        "The photo could not be read: it ends in the middle.",
        "crashed the worker twice: out of patience",
        "사진을 읽을 수 없습니다.",
    ],
)
def test_a_sentence_is_understood(message):
    assert why_not_understood(message) is None


@pytest.mark.parametrize(
    "message",
    [
        "",
        "failed",
        "Traceback (most recent call last): no such file",
        "PIL.UnidentifiedImageError: cannot identify image file",
        "cannot identify <_io.BytesIO object at 0x7f3a5c1d2e30>",
        "word " * 200,
    ],
)
def test_a_reason_for_machines_is_not_understood(message):
    assert why_not_understood(message) is not None
