"""What the storm knows more than the server's log: which answers the wind took."""

import dataclasses

import pytest

from tests.chaos.storm.field import Deaf
from tests.chaos.storm.judgement import broken_rules
from tests.unit.checker.forge import POOL, Forge, event, item, shop


def given_up_after_a_renewal_that_the_server_answered():
    """A lease of 600 s, renewed at 600 s; its worker lets it go at the end that it knows of."""
    forge = Forge()
    forge.lease(100.0)
    forge.sign(100.5)
    forge.heartbeat(101.2)
    forge.heartbeat(600.0)
    return forge


def found(deaf):
    forge = given_up_after_a_renewal_that_the_server_answered()
    events = [event("leased", 100.1), event("lost", 675.0)]
    video = {"videos/item-1.mp4": b""}
    store = shop(item("failed", error_message="The photo is gone."), videos=video)
    return [violation.rule for violation in broken_rules(forge.log, store, events, deaf)]


def test_a_lease_given_up_for_no_reason_is_a_broken_rule():
    assert found([]) == ["L3"]


@pytest.mark.parametrize(
    "spell",
    [
        Deaf(598.0, 602.0, POOL),
        Deaf(598.0, 602.0, None),
        Deaf(599.0, 660.0, POOL, pid=1),
        Deaf(602.0, 603.0, POOL),
    ],
    ids=["its pool", "everybody", "its process", "while it waited for the answer"],
)
def test_a_lease_is_rightly_given_up_when_its_renewal_s_answer_may_have_been_lost(spell):
    assert found([spell]) == []


@pytest.mark.parametrize(
    "spell",
    [
        Deaf(598.0, 602.0, "another"),
        Deaf(599.0, 660.0, POOL, pid=2),
        Deaf(500.0, 590.0, POOL),
        Deaf(610.0, 620.0, POOL),
    ],
    ids=["another pool", "another process", "before", "after"],
)
def test_trouble_elsewhere_excuses_nobody(spell):
    assert found([spell]) == ["L3"]


def test_what_the_wind_took_excuses_no_other_rule():
    forge = Forge()
    forge.lease(100.0)
    forge.heartbeat(101.2)
    forge.report(300.0, answer=500)
    store = shop(dataclasses.replace(item(), status="pending", video_path=""))
    broken = broken_rules(forge.log, store, [], [Deaf(0.0, 1000.0, None)])
    assert [violation.rule for violation in broken] == ["R1", "E1"]


@pytest.mark.parametrize(
    ("deaf", "rules"),
    [
        ([Deaf(61.0, 71.0, POOL)], []),
        ([Deaf(61.0, 71.0, "another")], ["L1"]),
        ([], ["L1"]),
    ],
    ids=["its pool's way", "another pool's", "good weather"],
)
def test_a_poll_that_comes_late_meets_no_other_if_its_sender_had_given_up(deaf, rules):
    forge = Forge()
    forge.idle_poll(62.0, answered_s=70.9)
    forge.idle_poll(68.0, answered_s=70.8)
    forge.clean_run()
    broken = broken_rules(forge.log, shop(), [], deaf)
    assert [violation.rule for violation in broken if violation.rule != "E1"] == rules


@pytest.mark.parametrize(
    ("deaf", "rules"),
    [
        ([Deaf(298.0, 300.5, None)], []),
        ([Deaf(298.0, 300.5, POOL)], ["R1"]),
        ([Deaf(200.0, 290.0, None)], ["R1"]),
        ([], ["R1"]),
    ],
    ids=["the storage's way", "the pool's own way", "long before", "good weather"],
)
def test_a_report_may_ask_for_a_video_only_if_its_upload_may_have_been_lost(deaf, rules):
    forge = Forge()
    forge.lease(100.0)
    forge.sign(100.5)
    forge.heartbeat(101.2)
    forge.sign(300.0)
    forge.report(301.0, answer=500)
    forge.put(303.0, forge.sign(302.0))
    forge.report(304.0)
    broken = broken_rules(forge.log, shop(), [], deaf)
    assert [violation.rule for violation in broken if violation.rule != "E1"] == rules


def test_only_an_item_that_killed_two_children_of_one_host_may_fail():
    forge = Forge()
    forge.lease(100.0)
    forge.sign(100.5)
    forge.report(102.0, status="failed", why="crashed the worker twice: killed by SIGKILL")
    store = shop(item("failed", error_message="crashed the worker twice: killed by SIGKILL"))
    deaths = [event("died", 50.0), event("died", 80.0)]
    assert broken_rules(forge.log, store, deaths, []) == []
    [broken] = broken_rules(forge.log, store, deaths[1:], [])
    assert broken.rule == "R3"
