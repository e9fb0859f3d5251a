"""When the next task is asked for: a table of what was learned and how far the inference is."""

import pytest

from pool.lease.pace import Pace, Stage
from pool.lease.rhythm import Due, Rhythm

STEPS = 50


def after_steps(done, step_s=1.0):
    """An inference that has made so many steps, each as long as the others, from second 0 on."""
    pace = Pace(Stage.PREPARE, 0).entered(Stage.INFER, 0)
    for step in range(1, done + 1):
        pace = pace.moved(step * step_s, step, STEPS)
    return pace


def test_nothing_is_asked_for_while_nothing_is_known():
    assert Rhythm().remaining_s(after_steps(0), 5, 5) is None
    assert Rhythm().due(after_steps(0), 5, 5) is Due.LATER


def test_the_first_inference_is_foreseen_from_its_own_steps():
    assert Rhythm().remaining_s(after_steps(30), 30, 30) == pytest.approx(20)


def test_a_later_inference_is_foreseen_from_those_before():
    rhythm = Rhythm().inferred(STEPS, 60).inferred(STEPS, 62).inferred(STEPS, 61)
    assert rhythm.remaining_s(after_steps(1), 1, 1) == pytest.approx(59)


def test_inferences_of_another_length_say_nothing():
    assert Rhythm().inferred(STEPS + 1, 60).remaining_s(after_steps(1), 1, 1) is None


def test_a_backend_that_shows_no_steps_is_foreseen_from_the_second_inference_on():
    assert Rhythm().inferred(0, 60).remaining_s(after_steps(0), 45, 45) == pytest.approx(15)


def test_an_inference_that_compiled_does_not_make_the_next_one_late():
    assert Rhythm().inferred(STEPS, 900).remaining_s(after_steps(30), 30, 30) == pytest.approx(20)


def test_what_follows_the_last_step_is_known_from_the_third_inference_on():
    rhythm = Rhythm().inferred(STEPS, 900).inferred(STEPS, 80)
    assert rhythm.remaining_s(after_steps(49), 49, 49) == pytest.approx(31)


def test_an_inference_that_takes_longer_than_usual_is_over_any_moment():
    assert Rhythm().inferred(STEPS, 60).remaining_s(after_steps(10, 9.0), 90, 90) == 0


def test_the_lead_is_what_the_slowest_of_the_latest_tasks_took_and_a_little_more():
    assert Rhythm().readied(2).readied(4).lead_s == pytest.approx(4 * 1.25 + 1)


def test_old_experience_is_forgotten():
    rhythm = Rhythm().readied(40)
    for _ in range(5):
        rhythm = rhythm.readied(2)
    assert rhythm.lead_s == pytest.approx(3.5)


def test_a_first_task_is_asked_for_in_good_time():
    assert Rhythm().lead_s == 10


def test_one_photo_that_took_minutes_does_not_make_leases_minutes_longer():
    assert Rhythm().readied(500).lead_s == 60


@pytest.mark.parametrize(
    ("remaining_s", "due"),
    [
        (40, Due.LATER),
        (6, Due.LATER),
        (5.4, Due.SOON),
        (3.6, Due.SOON),
        (3.4, Due.NOW),
        (0, Due.NOW),
    ],
)
def test_the_next_task_is_due_when_it_would_be_ready_just_in_time(remaining_s, due):
    rhythm = Rhythm().inferred(STEPS, 60).readied(2)
    assert rhythm.due(after_steps(1), 60 - remaining_s, 1) is due
