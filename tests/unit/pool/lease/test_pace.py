import pytest

from pool.lease.pace import Limits, Pace, Stage

LIMITS = Limits(
    {
        "confirm": 120,
        "download": 300,
        "prepare": 120,
        "infer": 300,
        "first_step": 1800,
        "step_floor": 30,
        "encode": 300,
        "upload": 300,
        "report": 300,
    }
)


def inferring(step_s, steps):
    pace = Pace(Stage.PREPARE, 0).entered(Stage.INFER, 100)
    for step in range(1, steps + 1):
        pace = pace.moved(100 + step * step_s, step, 50)
    return pace


@pytest.mark.parametrize(
    ("stage", "limit_s"), [(Stage.DOWNLOAD, 300), (Stage.CONFIRM, 120), (Stage.UPLOAD, 300)]
)
def test_each_stage_has_its_own_limit(stage, limit_s):
    pace = Pace(stage, 100)
    assert not pace.stalled(100 + limit_s, LIMITS)
    assert pace.stalled(100 + limit_s + 0.1, LIMITS)


def test_the_first_step_may_compile_for_half_an_hour():
    assert inferring(5, 0).limit_s(LIMITS) == 1800


def test_a_later_step_has_the_plain_limit_until_enough_steps_were_seen():
    assert inferring(5, 2).limit_s(LIMITS) == 300


def test_the_median_step_teaches_a_tighter_limit():
    assert inferring(5, 10).limit_s(LIMITS) == 50


def test_quick_steps_never_teach_less_than_the_floor():
    assert inferring(0.1, 10).limit_s(LIMITS) == 30


def test_slow_steps_never_teach_more_than_the_plain_limit():
    assert inferring(100, 10).limit_s(LIMITS) == 300


def test_a_thermal_slowdown_to_a_third_is_no_stall():
    pace = inferring(5, 10)
    assert not pace.stalled(pace.moved_at + 15, LIMITS)


def test_the_time_left_follows_from_the_median_step():
    pace = inferring(2, 10)
    assert pace.eta_s(pace.moved_at) == 80
    assert pace.eta_s(pace.moved_at + 500) == 0


def test_nothing_is_said_of_the_time_left_outside_the_inference():
    assert inferring(2, 10).entered(Stage.UPLOAD, 200).eta_s(200) is None


def test_what_was_learned_of_steps_survives_the_change_of_stage():
    pace = inferring(5, 10).entered(Stage.ENCODE, 300).entered(Stage.INFER, 400)
    assert pace.moved(405, 1, 50).limit_s(LIMITS) == 50
