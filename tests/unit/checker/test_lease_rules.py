"""A forged log that breaks each of L1 to L5, and its neighbour that does not."""

import dataclasses

import pytest

from tests.checker import check
from tests.checker.lease_rules import pool_of
from tests.checker.model import CROWDED_S
from tests.unit.checker.forge import (
    CLEAN_EVENTS,
    EXPECT,
    OTHER,
    WORKER,
    Forge,
    event,
    item,
    rules,
    shop,
)

UNFINISHED = dataclasses.replace(EXPECT, finished=False)


def broken(forge, events=(), expect=UNFINISHED):
    return rules(check(forge.log, shop(item("processing")), events, expect))


@pytest.mark.parametrize(
    ("worker_id", "pool"),
    [
        ("pool-gpu0-aaaa", "pool"),
        ("my-gpu1-box-gpu12-t0k3n", "my-gpu1-box"),
        ("1f3c-44aa-cpu3-x", "1f3c-44aa"),
        ("bare", "bare"),
    ],
)
def test_the_pool_is_the_id_up_to_the_slot(worker_id, pool):
    assert pool_of(worker_id) == pool


class TestL1:
    def test_two_polls_of_one_pool_in_flight_are_caught(self):
        forge = Forge()
        forge.lease(100.0, answered_s=100.5)
        forge.lease(100.2, worker=OTHER, item="item-2", connection=2)
        assert broken(forge) == ["L1"]

    def test_two_polls_of_two_pools_may_meet(self):
        forge = Forge()
        forge.idle_poll(100.0, answered_s=100.5)
        forge.idle_poll(100.2, worker="another-gpu0-cccc")
        assert broken(forge) == []

    def test_a_poll_that_spans_several_others_is_caught_with_each(self):
        forge = Forge()
        forge.lease(100.0, answered_s=101.0)
        forge.lease(100.1, worker=OTHER, item="item-2")
        forge.lease(100.2, worker=OTHER, item="item-3")
        assert len(check(forge.log, shop(item("processing")), (), UNFINISHED)) == 2

    def test_a_poll_whose_client_was_killed_ends_when_it_went(self):
        forge = Forge()
        forge.idle_poll(100.0, answered_s=100.2, delivered=False, status=None)
        forge.idle_poll(100.19, worker=OTHER)
        assert broken(forge) == []

    def test_an_empty_queue_polled_again_too_soon_is_caught_though_by_another_child(self):
        forge = Forge()
        forge.idle_poll(100.0)
        forge.idle_poll(105.0, worker=OTHER)
        assert broken(forge) == ["L1"]

    def test_an_empty_queue_may_be_polled_once_an_interval(self):
        forge = Forge()
        for at in (100.0, 110.0, 119.5):
            forge.idle_poll(at)
        assert broken(forge) == []

    def test_after_a_poll_that_found_a_task_the_next_child_may_ask_at_once(self):
        forge = Forge()
        forge.lease(100.0)
        forge.idle_poll(100.1, worker=OTHER)
        assert broken(forge) == []

    def test_spacing_is_not_checked_where_the_interval_is_unknown(self):
        forge = Forge()
        forge.idle_poll(100.0)
        forge.idle_poll(100.1)
        assert broken(forge, expect=dataclasses.replace(UNFINISHED, polling_interval_s=None)) == []


def ready_to_upload(*heartbeats):
    forge = Forge()
    forge.lease(100.0)
    forge.sign(100.5)
    for at in heartbeats:
        forge.heartbeat(at)
    forge.put(200.0, forge.sign(199.0))
    return forge


class TestL2:
    def test_an_upload_under_a_lease_that_was_never_confirmed_is_caught(self):
        assert broken(ready_to_upload()) == ["L2"]

    def test_a_heartbeat_within_the_first_second_confirms_nothing(self):
        assert broken(ready_to_upload(100.4)) == ["L2"]

    def test_a_heartbeat_after_a_second_confirms(self):
        assert broken(ready_to_upload(101.01)) == []

    def test_a_heartbeat_that_was_not_answered_confirms_nothing(self):
        forge = ready_to_upload(101.2)
        forge.change(forge.log[2], delivered=False)
        assert broken(forge) == ["L2"]

    def test_a_heartbeat_that_was_answered_with_garbage_confirms_nothing(self):
        forge = ready_to_upload(101.2)
        forge.change(forge.log[2], fault="Canned")
        assert broken(forge) == ["L2"]

    def test_an_inference_that_began_before_the_confirmation_is_caught(self):
        events = [event("infer_started", 101.0)]
        assert broken(ready_to_upload(102.0), events) == ["L2"]

    @pytest.mark.parametrize(("began_s", "caught"), [(101.1, ["L2"]), (101.3, [])])
    def test_no_slack_excuses_work_before_the_confirmation_was_asked_for(self, began_s, caught):
        expect = dataclasses.replace(UNFINISHED, slack_s=CROWDED_S)
        assert broken(ready_to_upload(101.2), [event("infer_started", began_s)], expect) == caught

    @pytest.mark.parametrize(("second", "caught"), [(103.0, ["L2"]), (106.3, [])])
    def test_paid_work_needs_two_confirmations_five_seconds_apart(self, second, caught):
        paid = dataclasses.replace(UNFINISHED, confirmations=2)
        forge = ready_to_upload(101.2, second)
        assert broken(forge, [event("infer_started", 107.0)], paid) == caught


class TestL3:
    def test_a_lease_given_up_after_one_404_is_caught(self):
        forge = Forge()
        forge.lease()
        forge.heartbeat(200.0, status=404)
        assert broken(forge, [event("lost", 200.1)]) == ["L3"]

    def test_a_renewal_answered_as_the_deadline_passed_may_come_too_late_and_not_long_before(self):
        forge = Forge()
        forge.lease(100.0)
        forge.heartbeat(669.9)
        assert broken(forge, [event("lost", 670.1)]) == []
        assert broken(forge, [event("lost", 671.0)]) == ["L3"]

    def test_a_lease_given_up_after_server_errors_is_caught(self):
        forge = Forge()
        forge.lease()
        for at in (200.0, 203.0, 206.0):
            forge.heartbeat(at, status=500)
        assert broken(forge, [event("lost", 206.1)]) == ["L3"]

    def test_two_404s_two_seconds_apart_are_a_loss(self):
        forge = Forge()
        forge.lease()
        forge.heartbeat(200.0, status=404)
        forge.heartbeat(202.1, status=404)
        assert broken(forge, [event("lost", 202.2)]) == []

    def test_a_403_is_a_loss(self):
        forge = Forge().clean_run().without("report")
        forge.report(301.0, answer=403)
        assert broken(forge, [*CLEAN_EVENTS[:-1], event("lost", 301.1)]) == []

    def test_the_local_deadline_is_a_loss(self):
        forge = Forge()
        forge.lease(100.0, lease_s=100)
        assert broken(forge, [event("lost", 190.0)]) == []
        assert broken(forge, [event("lost", 150.0)]) == ["L3"]

    def test_garbage_under_a_200_moves_no_deadline(self):
        forge = Forge()
        forge.lease(100.0, lease_s=100)
        forge.heartbeat(150.0, extend_s=100, fault="Canned")
        assert broken(forge, [event("lost", 190.0)]) == []


class TestL4:
    def test_a_heartbeat_that_cuts_the_lease_is_caught(self):
        forge = Forge()
        forge.lease(100.0)
        forge.heartbeat(110.0, extend_s=300)
        assert broken(forge) == ["L4"]

    def test_a_heartbeat_for_what_remains_is_fine(self):
        forge = Forge()
        forge.lease(100.0)
        forge.heartbeat(110.0, extend_s=590)
        assert broken(forge) == []

    def test_a_release_may_cut(self):
        forge = Forge()
        forge.lease(100.0)
        forge.heartbeat(110.0, extend_s=1)
        assert broken(forge) == []


def lost_by(way):
    forge = Forge()
    forge.lease(100.0, lease_s=100)
    forge.sign(100.5)
    forge.heartbeat(101.2, extend_s=100)
    if way == "two 404s":
        forge.heartbeat(110.0, status=404)
        forge.heartbeat(112.5, status=404)
    elif way == "403":
        forge.report(112.0, answer=403, status="failed", why="The photo is gone.")
    elif way == "deadline":
        forge.heartbeat(150.0, status=500)
    else:
        forge.heartbeat(112.0, extend_s=1)
    return forge


LATE_S = 195.0


def send_report(forge):
    forge.report(LATE_S, status="failed", why="The photo is gone.", answer=403)


def send_presign(forge):
    forge.sign(LATE_S)


def send_upload(forge):
    # The URL was signed in time, on this worker's connection; only the token says whose it is.
    forge.put(LATE_S, forge.log[1], connection=77, status=400)


def send_heartbeat(forge):
    forge.heartbeat(LATE_S, extend_s=100, status=404)


@pytest.mark.parametrize("way", ["two 404s", "403", "deadline", "release"])
class TestL5:
    @pytest.mark.parametrize("send", [send_report, send_presign, send_upload, send_heartbeat])
    def test_anything_that_is_sent_after_a_loss_is_caught(self, way, send):
        forge = lost_by(way)
        assert "L5" not in broken(forge)
        send(forge)
        assert "L5" in broken(forge)

    def test_work_that_is_begun_after_a_loss_is_caught(self, way):
        assert "L5" in broken(lost_by(way), [event("infer_started", LATE_S)])


class TestWhoSentIt:
    def test_a_renewed_lease_lives_on(self):
        forge = Forge()
        forge.lease(100.0, lease_s=100)
        forge.heartbeat(150.0, extend_s=100)
        forge.sign(210.0)
        assert broken(forge) == []

    def test_a_heartbeat_that_was_not_answered_does_not_move_the_deadline(self):
        forge = Forge()
        forge.lease(100.0, lease_s=100)
        forge.heartbeat(150.0, extend_s=100, delivered=False)
        forge.sign(210.0)
        assert broken(forge) == ["L5"]

    def test_a_single_404_between_good_heartbeats_is_no_loss(self):
        forge = Forge()
        forge.lease(100.0)
        forge.heartbeat(110.0, status=404)
        forge.heartbeat(111.0)
        forge.heartbeat(120.0, status=404)
        forge.sign(130.0)
        assert broken(forge) == []

    def test_a_presign_on_nobodys_connection_is_given_to_the_holder_that_may_send_it(self):
        forge = lost_by("two 404s")
        forge.lease(190.0, worker=OTHER, connection=2)
        forge.sign(LATE_S, connection=5)
        assert broken(forge) == []

    def test_a_presign_on_nobodys_connection_is_caught_when_every_holder_has_lost(self):
        forge = lost_by("two 404s")
        forge.sign(LATE_S, connection=5)
        assert broken(forge) == ["L5"]

    def test_a_connection_that_two_workers_share_accuses_neither(self):
        forge = lost_by("two 404s")
        forge.lease(190.0, worker=OTHER, connection=1)
        forge.sign(LATE_S, connection=1)
        assert broken(forge) == []

    def test_a_worker_may_lease_the_item_it_lost_again(self):
        forge = lost_by("two 404s")
        forge.lease(190.0, worker=WORKER)
        forge.sign(LATE_S)
        assert broken(forge) == []

    def test_a_report_that_was_answered_ends_the_lease_without_a_loss(self):
        forge = Forge().clean_run()
        forge.heartbeat(300.6, status=404)
        forge.heartbeat(303.0, status=404)
        forge.sign(310.0)
        assert broken(forge) == []
