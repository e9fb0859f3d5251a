import pytest

from pool.lease.pace import Limits, Pace, Practice, Stage

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


# What one task teaches the next


def next_task(*former, total=50):
    """A later inference of the same process, before its first step."""
    practice = Practice()
    for pace in former:
        practice = practice.after(pace)
    return Pace(Stage.PREPARE, 0).entered(Stage.INFER, 100, practice).moved(100, 0, total)


def test_the_long_first_step_is_allowed_once_in_a_process():
    assert next_task().limit_s(LIMITS) == 1800
    assert next_task(inferring(5, 10)).limit_s(LIMITS) == 50


def test_a_first_step_that_hangs_is_seen_before_the_task_has_said_how_long_it_is():
    silent = Pace(Stage.PREPARE, 0).entered(Stage.INFER, 100, Practice().after(inferring(5, 10)))
    assert silent.limit_s(LIMITS) == 50


def test_what_former_tasks_teach_never_goes_below_the_floor_nor_above_the_plain_limit():
    assert next_task(inferring(0.1, 10)).limit_s(LIMITS) == 30
    assert next_task(inferring(100, 10)).limit_s(LIMITS) == 300


def test_a_video_of_another_length_has_the_plain_limit_until_its_own_steps_were_seen():
    longer = next_task(inferring(5, 10), total=90)
    assert longer.limit_s(LIMITS) == 300
    for step in range(1, 5):
        longer = longer.moved(100 + 20 * step, step, 90)
    assert longer.limit_s(LIMITS) == 200


def test_the_longest_silence_counts_so_that_a_slow_start_is_no_stall_the_next_time():
    slow_start = Pace(Stage.PREPARE, 0).entered(Stage.INFER, 100).moved(120, 1, 50)
    for step in range(2, 11):
        slow_start = slow_start.moved(120 + step, step, 50)
    assert next_task(slow_start).limit_s(LIMITS) == 200


def test_what_compiled_once_is_forgotten_after_some_tasks():
    compiled = Pace(Stage.PREPARE, 0).entered(Stage.INFER, 100).moved(900, 1, 50)
    assert next_task(compiled, *[inferring(4, 10)] * 4).limit_s(LIMITS) == 300
    assert next_task(compiled, *[inferring(4, 10)] * 5).limit_s(LIMITS) == 40


def test_an_inference_without_a_step_teaches_nothing():
    assert next_task(inferring(5, 0)).limit_s(LIMITS) == 1800
    assert next_task(inferring(5, 10).entered(Stage.REPORT, 200)).limit_s(LIMITS) == 1800


def test_a_model_that_is_loaded_again_has_the_long_first_step_again():
    in_the_middle = next_task(inferring(5, 10)).moved(105, 1, 50).moved(106, 0, 1)
    assert in_the_middle.limit_s(LIMITS) == 1800
    assert in_the_middle.moved(500, 0, 50).limit_s(LIMITS) == 1800
    before_a_step = next_task(inferring(5, 10)).moved(106, 0, 1)
    assert before_a_step.limit_s(LIMITS) == 1800
    assert before_a_step.moved(500, 0, 50).moved(600, 1, 50).limit_s(LIMITS) == 50


def test_the_silences_of_a_service_elsewhere_teach_no_tighter_limit():
    remote = LIMITS.of_remote_work()
    assert remote.of(Stage.INFER, first=False, usual_s=0.1) == remote.stages["infer"]
    assert remote.of(Stage.UPLOAD, first=False, usual_s=0.1) == remote.stages["upload"]
