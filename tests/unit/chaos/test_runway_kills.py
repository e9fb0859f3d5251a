"""What the Runway kills read from events."""

import pytest

from inference.runway.attempts import State
from tests.chaos.runway_kills.strikes import PHASES, Work, at_work, foremost, phase
from tests.checker import Event

WORKER = "buyer-cpu0-aaaa"


def events(*told):
    return [Event(float(t), 7, "cpu0", WORKER, item, kind) for t, (item, kind) in enumerate(told)]


@pytest.mark.parametrize("end", ["completed", "failed", "lost", "abandoned", "released", "died"])
def test_a_child_is_at_work_from_its_lease_to_its_end(end):
    begun = [("a", "leased"), ("a", "confirmed"), ("b", "leased")]
    assert at_work(events(*begun)) == [Work(7, WORKER, {"a": "confirmed", "b": "leased"})]
    ended = events(*begun, ("a", end))
    assert at_work(ended) == [Work(7, WORKER, {"b": "leased"})]
    assert at_work([*ended, *events(("b", end))]) == []


def test_the_foremost_of_two_items_is_the_one_that_is_furthest():
    assert foremost(Work(7, WORKER, {"a": "confirmed", "b": "infer_started"})) == "b"


@pytest.mark.parametrize(
    ("last", "attempt", "words"),
    [
        ("leased", None, "before the lease was confirmed"),
        ("confirmed", None, "before the create"),
        ("infer_started", None, "before the create"),
        ("infer_started", State.INTENT, "during the create"),
        ("infer_started", State.LIVE, "while Runway worked"),
        ("infer_ended", State.LIVE, "while the video was fetched"),
        ("kept", State.DONE, "before the video was stored"),
        ("stored", State.DONE, "before the report"),
    ],
)
def test_a_kill_is_counted_by_how_far_the_purchase_was(last, attempt, words):
    assert phase(Work(7, WORKER, {"a": last}), "a", attempt) == words
    assert words in PHASES
