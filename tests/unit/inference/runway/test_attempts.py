"""When a paid create may leave the host: the table, and the rule over all histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.runway.attempts import (
    MOST_BAD,
    MOST_BLAMED,
    MOST_FAILURES,
    MOST_FAILURES_IN_ALL,
    UNPAID,
    Attempt,
    Create,
    GiveUp,
    NotAgain,
    Resume,
    State,
    is_outage,
    next_step,
    verdicts,
)


def past(*rows):
    """Attempts from (lease, state[, fingerprint]); each but intents and unpaid ones has a task."""
    made = []
    for number, (lease, state, *mark) in enumerate(rows):
        task = None if state in (State.INTENT, *UNPAID) else f"task-{number}"
        made.append(Attempt(number, lease, (mark or ["same"])[0], state, task, f"note-{number}"))
    return made


NEW = Create(seed_offset=0, maybe_twice=False)


@pytest.mark.parametrize(
    ("rows", "step"),
    [
        ([], NEW),
        ([("a", State.UNSENT)], NEW),
        ([("a", State.REBUFFED)], NEW),
        ([("z", State.BLAMED), ("y", State.BLAMED), ("a", State.REBUFFED)], NEW),
        ([("a", State.INTENT)], NotAgain("note-0")),
        ([("a", State.FAILED)], NotAgain("note-0")),
        ([("a", State.COUNTED)], NotAgain("note-0")),
        ([("a", State.EXCUSED)], NotAgain("note-0")),
        ([("a", State.BAD)], NotAgain("note-0")),
        ([("a", State.GONE)], NotAgain("note-0")),
        ([("a", State.LIVE)], Resume(0, "task-0")),
        ([("a", State.DONE)], Resume(0, "task-0")),
        ([("z", State.INTENT)], Create(0, maybe_twice=True)),
        ([("z", State.LIVE)], Resume(0, "task-0")),
        ([("z", State.DONE)], Resume(0, "task-0")),
        ([("z", State.FAILED)], NEW),
        ([("z", State.COUNTED)], NEW),
        ([("z", State.EXCUSED)], NEW),
        ([("z", State.GONE)], NEW),
        ([("z", State.BAD)], Create(1, maybe_twice=False)),
        ([("z", State.INTENT), ("y", State.LIVE)], Resume(1, "task-1")),
        ([("z", State.FAILED), ("a", State.UNSENT)], NEW),
        ([("z", State.REFUSED)], GiveUp("note-0")),
        ([("a", State.REFUSED)], GiveUp("note-0")),
        ([("z", State.LIVE, "other")], NEW),
        ([("z", State.REFUSED, "other")], NEW),
        ([("a", State.LIVE, "other")], NotAgain("note-0")),
        ([("z", State.BAD, "other"), ("y", State.BAD, "other")], NEW),
    ],
)
def test_the_next_step_of_lease_a(rows, step):
    assert next_step(past(*rows), "a", "same") == step


def test_two_bad_videos_are_enough():
    rows = [(f"z{n}", State.BAD) for n in range(MOST_BAD)]
    assert next_step(past(*rows), "a", "same") == GiveUp("no usable video came out, twice: note-1")


def test_four_failures_while_others_came_out_are_enough():
    rows = [(f"z{n}", State.COUNTED) for n in range(MOST_FAILURES)]
    step = next_step(past(*rows), "a", "same")
    assert step == GiveUp("the video service failed 4 times and made others: note-3")


@pytest.mark.parametrize("state", [State.FAILED, State.EXCUSED])
def test_failures_that_say_nothing_about_the_item_are_enough_only_after_twelve(state):
    rows = [(f"z{n}", state) for n in range(MOST_FAILURES_IN_ALL)]
    assert next_step(past(*rows[1:]), "a", "same") == NEW
    step = next_step(past(*rows), "a", "same")
    assert step == GiveUp("the video service failed 12 times: note-11")


def test_failures_of_each_kind_are_added_up():
    kinds = (State.FAILED, State.EXCUSED, State.COUNTED, State.EXCUSED)
    rows = [(f"z{n}", kinds[n % 4]) for n in range(MOST_FAILURES_IN_ALL)]
    assert isinstance(next_step(past(*rows), "a", "same"), GiveUp)


def test_a_task_that_exists_is_taken_up_although_its_items_failures_were_counted_meanwhile():
    rows = [*((f"z{n}", State.COUNTED) for n in range(MOST_FAILURES)), ("y", State.LIVE)]
    assert next_step(past(*rows), "a", "same") == Resume(4, "task-4")


@pytest.mark.parametrize(
    ("failures", "judged"),
    [
        ({}, {}),
        ({1: "other"}, {1: State.COUNTED}),
        ({1: "item"}, {1: State.EXCUSED}),
        ({1: "other", 2: "other"}, {1: State.EXCUSED, 2: State.COUNTED}),
        ({2: "other", 1: "other"}, {1: State.EXCUSED, 2: State.COUNTED}),
        (
            {1: "other", 2: "item", 3: "third", 4: "other"},
            {1: State.EXCUSED, 2: State.EXCUSED, 3: State.COUNTED, 4: State.COUNTED},
        ),
    ],
)
def test_a_video_that_came_out_judges_the_failures_before_it(failures, judged):
    assert verdicts(failures, "item") == judged


@pytest.mark.parametrize(
    ("items", "outage"),
    [("", False), ("ab", False), ("aaaaaa", False), ("aab", True), ("abc", True), ("abab", True)],
)
def test_three_failures_of_at_least_two_items_are_an_outage(items, outage):
    assert is_outage(dict(enumerate(items))) is outage


def test_three_refusals_while_others_were_taken_are_enough():
    rows = [(f"z{n}", State.BLAMED) for n in range(MOST_BLAMED)]
    step = next_step(past(*rows), "a", "same")
    assert step == GiveUp("the video service refused it 3 times and took others: note-2")


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(list(State)), st.sampled_from(["same", "other"])
    ),
    max_size=12,
)


@given(HISTORIES)
def test_a_lease_that_may_have_paid_never_creates_again(rows):
    attempts = past(*rows)
    spent = any(a.lease_id == "a" and a.state not in UNPAID for a in attempts)
    if spent:
        assert not isinstance(next_step(attempts, "a", "same"), Create)


@given(HISTORIES)
def test_a_task_that_exists_is_never_made_again(rows):
    attempts = past(*rows)
    exists = any(a.fingerprint == "same" and a.state in (State.LIVE, State.DONE) for a in attempts)
    if exists:
        assert isinstance(next_step(attempts, "a", "same"), Resume)
