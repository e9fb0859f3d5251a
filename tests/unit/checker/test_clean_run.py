import pytest

from tests.checker import Verdict, check, verdict
from tests.unit.checker.forge import CLEAN_EVENTS, EXPECT, Forge, event, item, shop


@pytest.mark.parametrize("events", [[], CLEAN_EVENTS], ids=["log alone", "with events"])
def test_a_run_that_kept_every_rule_passes(events):
    assert check(Forge().clean_run().log, shop(), events, EXPECT) == []


def test_an_empty_run_passes():
    assert check([], shop(item("completed")), (), EXPECT) == []


def test_a_violation_prints_as_its_rule_a_sentence_and_its_lines():
    forge = Forge().clean_run()
    forge.report(301.0, status="failed", why="The photo is gone.")
    text = str(check(forge.log, shop(), (), EXPECT)[0])
    assert text.startswith("R2: pool-gpu0-aaaa sent failed for item-1 after completed\n")
    assert "[301.000 to 301.005] #9 report pool-gpu0-aaaa item-1 -> 200" in text


def test_the_verdict_counts_what_became_of_everything():
    forge = Forge().clean_run()
    forge.lease(400.0, item="item-2", lease_s=10)
    forge.idle_poll(500.0)
    store = shop(item(), item("failed", "item-3"), item("processing", "item-2"))
    assert verdict(forge.log, store, CLEAN_EVENTS) == Verdict(
        items=3,
        completed=1,
        failed=1,
        pending=1,
        videos=1,
        leases=2,
        lost=1,
        duplicated_inferences=0,
    )


def test_a_second_inference_of_an_item_is_counted():
    events = [*CLEAN_EVENTS, event("infer_started", 500.0)]
    assert verdict(Forge().clean_run().log, shop(), events).duplicated_inferences == 1


def test_without_events_a_second_lease_that_uploads_is_counted():
    forge = Forge().clean_run()
    forge.lease(700.0, worker="pool-gpu1-bbbb", connection=2)
    forge.put(800.0, forge.sign(799.0, connection=2), status=400)
    assert verdict(forge.log, shop()).duplicated_inferences == 1


def test_a_lease_that_was_given_back_is_not_lost():
    forge = Forge()
    forge.lease(100.0)
    forge.heartbeat(102.0, extend_s=1)
    forge.idle_poll(200.0)
    assert verdict(forge.log, shop(item("pending"))).lost == 0


def test_a_lease_whose_answer_was_lost_is_none_of_its_workers():
    forge = Forge()
    forge.lease(100.0, delivered=False, status=None)
    forge.lease(100.1, status=500)
    assert verdict(forge.log, shop(item("pending"))).leases == 0
