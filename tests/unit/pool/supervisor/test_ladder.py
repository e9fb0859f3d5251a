"""A slot's watch over its child: what is done when the signs of life end, and when."""

import signal

from pool.supervisor.states import SlotState
from tests.unit.pool.supervisor.fake_child import ITEM, Cradle, beat, ready, working

LADDER = [signal.SIGCONT, signal.SIGTERM, signal.SIGKILL]


def silences(cradle, *pauses_s):
    for pause_s in pauses_s:
        cradle.round(pause_s)


def test_a_hung_inference_is_dumped_then_told_then_killed_although_the_loop_lives():
    cradle = ready().work(limit_s=100.0)
    [stuck] = cradle.slot.tasks
    for _ in range(100):
        cradle.child.says(beat(stuck))
        cradle.round(1)
    assert (cradle.child.dumps, cradle.child.signals) == (1, [])
    for seconds, signals in [(1.9, []), (0.2, LADDER[:2]), (4.8, LADDER[:2]), (0.2, LADDER)]:
        cradle.child.says(beat(stuck))
        cradle.round(seconds)
        assert cradle.child.signals == signals
    assert cradle.child.dumps == 1
    cradle.round()
    assert cradle.slot.state is SlotState.BACKOFF
    assert cradle.slot.last_exit.exit.signal == signal.SIGKILL
    assert cradle.watcher.deaths == [(ITEM, "it hung: no progress in infer")]


def test_the_stacks_are_dumped_before_a_late_supervisor_kills():
    cradle = ready().work(limit_s=100.0)
    silences(cradle, 500, 0, 0)
    assert (cradle.child.dumps, cradle.child.signals) == (1, LADDER)


def test_a_sign_of_life_takes_the_child_off_the_ladder():
    cradle = ready().work(limit_s=50.0)
    cradle.round(51)
    cradle.work(limit_s=50.0)
    cradle.round(49)
    assert cradle.child.dumps == 1
    assert cradle.child.signals == []


def test_one_task_that_hangs_is_enough_although_another_one_moves():
    cradle = ready()
    stuck = working(cradle.now, item_id="a", limit_s=100.0)
    for _ in range(3):
        moving = working(cradle.now, item_id="b", stage="upload", limit_s=100.0)
        cradle.child.says(beat(stuck, moving))
        cradle.round(50)
    assert cradle.child.dumps == 1


def test_the_first_step_has_a_limit_of_its_own():
    cradle = ready().work(limit_s=1800.0)
    loading = cradle.slot.tasks
    for _ in range(1799):
        cradle.child.says(beat(*loading))
        cradle.round(1)
    assert cradle.child.dumps == 0
    cradle.round(1)
    assert cradle.child.dumps == 1


def test_a_loop_that_is_silent_for_a_minute_hangs_even_without_a_task():
    cradle = ready()
    cradle.round(59)
    assert cradle.child.dumps == 0
    cradle.round(1)
    assert cradle.child.dumps == 1


def test_a_silent_loop_hangs_even_while_its_task_may_still_be_silent():
    cradle = ready().work(limit_s=1800.0)
    cradle.round(60)
    assert cradle.child.dumps == 1


def test_a_load_may_take_half_an_hour():
    cradle = Cradle().start()
    cradle.round(1799)
    assert cradle.child.dumps == 0
    cradle.round(1)
    assert cradle.child.dumps == 1


def test_a_load_that_hangs_is_noticed_although_the_loop_beats():
    cradle = Cradle().start()
    for _ in range(1799):
        cradle.child.says(beat(waiting_for="loading"))
        cradle.round(1)
    assert cradle.child.dumps == 0
    for _ in range(9):
        cradle.child.says(beat(waiting_for="loading"))
        cradle.round(1)
    assert (cradle.child.dumps, cradle.child.signals) == (1, LADDER)
    cradle.round()
    assert cradle.slot.last_exit.exit.reason == "it hung: no progress in the load"


def test_after_its_own_absence_the_supervisor_judges_from_now_on():
    cradle = ready().work(limit_s=50.0)
    cradle.now += 5000
    cradle.slot.grant_grace(cradle.now)
    cradle.round()
    cradle.round(49)
    assert cradle.child.dumps == 0
    cradle.round(1)
    assert cradle.child.dumps == 1
