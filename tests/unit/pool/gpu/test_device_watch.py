"""What the readings of a device come to, one after the other."""

import pytest

from pool.gpu.device_watch import DeviceWatch
from pool.gpu.readings import Brake, Reading, Recovery


def reading(**known):
    return Reading(0.0, **known)


def watched(*readings):
    watch = DeviceWatch()
    for each in readings:
        watch.seen(each)
    return watch


def why(*readings):
    unfit = watched(*readings).unfit
    return unfit and unfit.why


def test_a_healthy_device_has_nothing_against_it():
    assert why(reading(temperature_c=40), reading()) is None


@pytest.mark.parametrize("gone", [None, reading(lost=True)])
def test_a_device_that_is_not_there_is_lost(gone):
    assert watched(reading(), gone).unfit.lost


def test_a_fatal_error_stays_true_when_the_driver_cleans_up_after_it():
    assert "Xid 48" in why(reading(xids={48: 1}), reading(xids={48: 1, 45: 3, 43: 1}))


def test_a_fatal_error_stays_true_when_the_probe_has_forgotten_it():
    assert "Xid 48" in why(reading(xids={48: 1}), reading(), reading(xids={45: 1}))


def test_a_fatal_error_is_over_when_the_driver_says_so():
    over = reading(xids={48: 1}, recovery=Recovery.NONE)
    assert "Xid 48" in why(over), "the driver makes up its mind after the event"
    assert why(over, over) is None


def test_a_device_that_was_gone_and_is_back_begins_anew():
    old = {48: 1}
    back = reading(xids=old, ecc_uncorrected=2)
    assert why(reading(xids=old, ecc_uncorrected=0), None, back) is None
    assert "Xid 48" in why(reading(xids=old), None, back, reading(xids={48: 2}))


@pytest.mark.parametrize(
    ("recovery", "words"), [(Recovery.RESET, "reset"), (Recovery.REBOOT, "restarted")]
)
def test_what_the_driver_calls_for_makes_a_device_unfit_for_so_long(recovery, words):
    assert words in why(reading(recovery=recovery))
    assert why(reading(recovery=recovery), reading(recovery=Recovery.NONE)) is None


def test_memory_that_cannot_be_repaired_makes_a_device_unfit():
    assert "give the machine back" in why(reading(repair_failed=True))


def test_uncorrectable_errors_that_come_make_a_device_unfit():
    before, after = reading(ecc_uncorrected=7), reading(ecc_uncorrected=9)
    assert why(before, before, before) is None
    assert why(before, after) is None, "their Xid may be heard with the next reading"
    assert "2 uncorrectable" in why(before, after, after)


def test_errors_that_came_while_they_could_not_be_read_are_not_overlooked():
    readings = [reading(ecc_uncorrected=7), reading(), reading(ecc_uncorrected=9), reading()]
    assert "2 uncorrectable" in why(*readings)


def test_a_contained_error_costs_the_process_and_not_the_device():
    watch = watched(reading(ecc_uncorrected=0))
    contained = reading(ecc_uncorrected=1, xids={94: 1})
    assert watch.seen(contained) == "Xid 94: contained memory error"
    assert watch.unfit is None


def test_a_contained_error_that_is_counted_before_it_is_heard_costs_no_device():
    watch = watched(reading(ecc_uncorrected=0), reading(ecc_uncorrected=1))
    heard = reading(ecc_uncorrected=1, xids={94: 1})
    assert watch.seen(heard) == "Xid 94: contained memory error"
    watch.seen(heard)
    assert watch.unfit is None


def test_a_contained_error_that_is_heard_before_it_is_counted_costs_no_device():
    heard = reading(ecc_uncorrected=0, xids={94: 1})
    counted = reading(ecc_uncorrected=1, xids={94: 1})
    assert why(reading(ecc_uncorrected=0), heard, counted, counted) is None


def test_a_fatal_error_that_is_counted_too_is_over_when_the_driver_says_so():
    fatal = reading(ecc_uncorrected=1, xids={48: 1})
    over = reading(ecc_uncorrected=1, xids={48: 1}, recovery=Recovery.NONE)
    before = reading(ecc_uncorrected=0)
    assert "Xid 48" in why(before, fatal)
    assert why(before, fatal, over, over) is None


def test_an_old_harmless_error_of_memory_hides_no_later_one():
    replaced = {63: 1}
    before = reading(ecc_uncorrected=0, xids=replaced)
    after = reading(ecc_uncorrected=1, xids=replaced)
    assert "1 uncorrectable" in why(before, before, after, after)


def test_errors_of_a_device_that_was_gone_meanwhile_are_those_of_its_former_life():
    counted = reading(ecc_uncorrected=1)
    assert why(reading(ecc_uncorrected=0), counted, None, counted, counted) is None


def test_an_error_of_the_application_is_told_once_each_time():
    watch = DeviceWatch()
    told = [watch.seen(reading(xids={13: times})) for times in (1, 1, 2)]
    assert [words is not None for words in told] == [True, False, True]


def test_advice_is_given_once():
    hot = reading(throttled_by=(Brake.POWER_CAP, Brake.HEAT), repair_pending=True)
    watch = DeviceWatch()
    assert len(watch.advice(hot)) == 2
    assert watch.advice(hot) == []
    assert watch.advice(reading(throttled_by=(Brake.POWER_CAP,))) == []
