"""For each rule a forged log that breaks it and is caught; the log of a good lease breaks none."""

import pytest

from tests.simulation.history import Event
from tests.simulation.poll_rules import of_polls
from tests.simulation.rules import of_a_lease, of_the_servers, strays
from tests.simulation.settings import Settings
from tests.simulation.stories import read_stories

SETTINGS = Settings(seed=0)  # a lease of 120 s, believed in for 108
WORKER, ITEM = "pool0-gpu0-1", "item"


def event(at, kind, what="", text="", value=0.0, worker=WORKER, item=ITEM):
    return Event(at, kind, worker, item, what, text, value)


def call(at, what, text="", answer="ok", took_s=0.1, **more):
    return [
        event(at, "sent", what, text, **more),
        event(at + took_s, "answered", what, answer, at, **more),
    ]


ADDED = event(0, "added", text="a boat", worker="")
LEASED = event(10.1, "leased", value=10.0)
PROBE = call(10.2, "presign-upload")
CONFIRM = call(11.2, "heartbeat", "120")
INFER = [event(12, "began"), event(12, "step"), event(18, "step"), event(22, "made")]
STORE = [*call(24, "presign-upload"), *call(24.2, "upload", "whole")]
REPORT = call(25, "report", "completed videos/item.mp4")
ENDED = [event(25.2, "ended", "completed")]
GOOD = [ADDED, LEASED, *PROBE, *CONFIRM, *INFER, *STORE, *REPORT, *ENDED]


def broken(*events, settings=SETTINGS):
    log = sorted(events, key=lambda event: event.at)
    stories = read_stories(log)
    found = [v for lease in stories.leases for v in of_a_lease(lease, stories, settings)]
    found += [*of_the_servers(log), *strays(stories.strays), *of_polls(log, settings.poll_s)]
    return [violation.rule for violation in found]


def without(*parts):
    return [event for event in GOOD if event not in parts]


def test_a_good_lease_breaks_no_rule():
    assert broken(*GOOD) == []


def poll(at, answer, took_s=0.1, worker=WORKER):
    return call(at, "next-task", answer=answer, took_s=took_s, worker=worker, item="")


@pytest.mark.parametrize(
    ("second", "rules"),
    [
        (poll(1.5, "ok", worker="pool0-gpu1-1"), ["L1"]),
        (poll(1.5, "ok", worker="pool1-gpu0-1"), []),
        (poll(2.5, "ok", worker="pool0-gpu1-1"), []),
    ],
)
def test_one_question_is_in_flight_in_a_pool(second, rules):
    assert broken(*poll(1, "ok", took_s=1), *second) == rules


@pytest.mark.parametrize(("again_at", "rules"), [(11.0, ["L1"]), (11.2, [])])
def test_an_empty_queue_is_asked_once_in_an_interval(again_at, rules):
    again = poll(again_at, "ok", worker="pool0-gpu1-1")
    assert broken(*poll(1, "empty"), *again) == rules


def test_a_child_that_dies_with_the_empty_answer_cannot_pass_it_on():
    died = event(1.2, "died", item="")
    assert broken(*poll(1, "empty"), died, *poll(2, "ok", worker="pool0-gpu1-1")) == []


@pytest.mark.parametrize("confirmation", [[], call(11.0, "heartbeat", "120")])
def test_inferring_without_or_with_too_early_a_confirmation_is_caught(confirmation):
    assert broken(*without(*CONFIRM), *confirmation) == ["L2"]


def test_a_paid_inference_needs_two_confirmations_five_seconds_apart():
    settings = Settings(seed=0, confirmations=2)
    assert broken(*GOOD, settings=settings) == ["L2"]
    assert broken(*GOOD, *call(11.8, "heartbeat", "120"), settings=settings) == ["L2"]


def lost(at, *answers):
    kept = [event for event in GOOD if event.at < 12]
    return [*kept, *answers, event(at, "ended", "lost", "the server no longer knows (two 404s)")]


def missed(at):
    return call(at, "heartbeat", "120", "NoSuchLease")


def test_a_loss_after_one_404_or_two_in_a_row_at_once_is_caught():
    assert broken(*lost(14, *missed(13))) == ["L3"]
    assert broken(*lost(14.5, *missed(13), *missed(14))) == ["L3"]
    assert broken(*lost(16, *missed(13), *missed(15.5))) == []


def test_a_loss_at_the_deadline_has_a_cause():
    assert broken(*lost(11.2 + 108)) == []


@pytest.mark.parametrize(
    "loss",
    [
        call(13, "heartbeat", "120", "NotYours"),
        [*missed(13), *missed(15.5)],
    ],
)
def test_whatever_is_sent_after_a_loss_is_caught(loss):
    assert "L5" in broken(*GOOD, *loss)


def test_what_is_sent_after_the_deadline_is_caught():
    late = call(11.2 + 108.1, "report", "completed videos/item.mp4")
    assert broken(*without(*REPORT, *ENDED), *late) == ["L5"]


def test_the_deadline_counts_from_the_sending_of_the_last_renewal_that_was_answered():
    renewed = call(80, "heartbeat", "120", took_s=20)
    base = [*without(*REPORT, *ENDED), *renewed]
    assert broken(*base, *call(187.9, "report", "completed videos/item.mp4")) == []
    assert broken(*base, *call(188.1, "report", "completed videos/item.mp4")) == ["L5"]


def test_one_step_may_begin_after_a_loss_and_no_second_one():
    refused = call(12.1, "heartbeat", "120", "NotYours")
    begun = [*(e for e in GOOD if e.at <= 12), *refused]
    assert broken(*begun, event(18, "step")) == []
    assert broken(*begun, event(18, "step"), event(22, "step")) == ["L5"]


def test_a_request_for_an_item_that_was_not_leased_is_caught():
    assert broken(*GOOD, *call(30, "heartbeat", "120", item="another")) == ["L5", "L5"]


def test_a_request_after_the_end_of_a_lease_is_caught():
    assert broken(*GOOD, *call(26, "heartbeat", "120")) == ["L5"]


def test_what_is_sent_before_a_lost_lease_is_let_go_of_is_not_the_new_ones():
    first = [event for event in GOOD if event.at <= 12]
    again = event(130, "leased", value=129.9)
    let_go = event(140, "ended", "lost", "its deadline passed")
    assert broken(*first, again, let_go, *call(141, "heartbeat", "120")) == []
    assert "L5" in broken(*first, again, *call(131, "heartbeat", "120"), let_go)


def test_renewing_a_hung_inference_is_caught():
    hung = [event for event in GOOD if event.at <= 18]
    renewals = [*call(50, "heartbeat", "120"), *call(70, "heartbeat", "120")]
    assert broken(*hung, *renewals) == ["L4"]


def test_a_heartbeat_that_cuts_a_lease_is_caught_unless_it_gives_it_back():
    assert broken(event(1, "applied", "renewed", "by 60.0 s", -30.0)) == ["L4"]
    assert broken(event(1, "applied", "renewed", "by 1.0 s", -89.0)) == []


def test_completed_without_stored_bytes_is_caught_unless_signing_was_refused():
    assert broken(*without(*STORE)) == ["R1"]
    refused = call(10.2, "presign-upload", answer="Transient")
    presumed = [ADDED, LEASED, *refused, *CONFIRM, *REPORT, *ENDED]
    assert broken(*presumed) == []


def test_failed_after_completed_is_caught():
    assert broken(*without(*ENDED), *call(26, "report", "failed The network.")) == ["R2"]


@pytest.mark.parametrize(
    ("prompt", "reason", "rules"),
    [
        ("a boat", "The photo could not be read.", ["R3"]),
        ("refuse", "The photo could not be read.", []),
        ("refuse", "no usable video came out, twice: black", ["R3"]),
        ("bad always", "no usable video came out, twice: black", []),
        ("a boat", "crashed the worker twice: SIGSEGV", ["R3"]),
    ],
)
def test_failed_is_for_the_task_s_own_fault(prompt, reason, rules):
    added = event(0, "added", text=prompt, worker="")
    assert broken(added, LEASED, *CONFIRM, *call(12, "report", f"failed {reason}")) == rules


def test_two_deaths_on_this_host_are_a_reason_to_fail_and_not_to_try_again():
    deaths = [event(at, "suspected", "infer", worker="pool0-gpu3-7") for at in (3, 6)]
    failed = call(12, "report", "failed crashed the worker twice: SIGSEGV")
    assert broken(ADDED, *deaths, LEASED, *CONFIRM, *failed) == []
    assert broken(*deaths, *GOOD) == ["R5"]
    elsewhere = [event(at, "suspected", "infer", worker="pool1-gpu3-7") for at in (3, 6)]
    assert broken(*elsewhere, *GOOD) == []


def test_a_video_that_lies_on_this_host_is_not_made_again():
    assert broken(event(3, "kept", worker="pool0-gpu3-7"), *GOOD) == ["R6"]


def test_inferring_without_asking_whether_the_video_exists_is_caught():
    later = call(23.5, "presign-upload")
    assert broken(*without(*PROBE), *later) == ["R4"]


def test_a_put_to_the_url_of_the_first_question_is_caught():
    assert broken(*without(*STORE), *call(24.2, "upload", "whole")) == ["R4"]


def test_a_completed_item_that_is_failed_is_caught():
    assert broken(event(1, "applied", "failed", "completed/somebody")) == ["E2"]


def test_an_error_in_the_loop_is_caught():
    assert broken(event(1, "broke", item="", text="KeyError")) == ["B"]
