"""One slot and its device: sick, lost, the wrong one, or with its memory still held."""

from pool.exit_codes import ExitCode
from pool.gpu.readings import Process, Reading, Recovery
from pool.messages import Drain
from pool.supervisor.states import SlotState
from tests.unit.pool.supervisor.fake_child import Cradle, beat, ended, quarantined, ready

LONG_AGO, LATER = 0.0, 1e12


SICK = Reading(LATER, taken_at=LATER, xids={48: 1})


WELL_AGAIN = Reading(LATER, taken_at=LATER, xids={48: 1}, recovery=Recovery.NONE)


def test_a_sick_device_gets_no_trial_until_its_driver_says_that_it_is_well():
    cradle = ready()
    cradle.look(SICK)
    cradle.round(1)
    cradle.look(Reading(0.0))
    cradle.round(100_000)
    assert cradle.slot.state is SlotState.QUARANTINED
    assert len(cradle.born) == 1
    assert "Xid 48" in cradle.slot.reason
    cradle.look(WELL_AGAIN)
    cradle.look(WELL_AGAIN)
    cradle.round(1)
    assert cradle.slot.state is SlotState.STARTING
    cradle.load().die(1, after_s=10)
    assert "died on its trial" in cradle.slot.reason


def test_a_device_that_is_well_again_is_left_alone_for_half_an_hour():
    cradle = ready()
    cradle.look(SICK)
    cradle.round(1)
    cradle.look(WELL_AGAIN)
    cradle.round(1_699)
    assert cradle.slot.state is SlotState.QUARANTINED
    cradle.round(101)
    assert cradle.slot.state is SlotState.STARTING


def test_the_death_of_a_sick_devices_child_is_held_against_nobody():
    cradle = ready().work()
    cradle.look(SICK)
    cradle.round(1)
    assert cradle.slot.state is SlotState.QUARANTINED
    assert cradle.slot.reason.startswith("Xid 48")
    assert cradle.watcher.deaths == []


def test_a_slot_that_waits_for_its_trial_gets_none_on_a_device_that_fell_sick_meanwhile():
    cradle = quarantined()
    cradle.look(SICK)
    cradle.round(1_801)
    assert len(cradle.born) == 5
    assert "Xid 48" in cradle.slot.reason


def test_a_device_that_fell_sick_while_its_slot_drained_is_not_tried():
    cradle = ready().work()
    cradle.slot.drain(cradle.now)
    cradle.look(SICK)
    cradle.look(WELL_AGAIN)
    cradle.round(1)
    cradle.round(100_000)
    assert len(cradle.born) == 1


def test_a_lost_device_that_is_back_gets_a_trial():
    cradle = ready()
    cradle.look(Reading(0.0, lost=True))
    cradle.round(1)
    cradle.round(100_000)
    assert (cradle.slot.state, len(cradle.born)) == (SlotState.LOST, 1)
    cradle.look(Reading(LATER, taken_at=LATER))
    cradle.round(1)
    assert cradle.slot.state is SlotState.STARTING


FAULT = Reading(LATER, taken_at=LATER, xids={31: 1})


def test_after_an_error_of_the_application_a_fresh_child_uses_the_device():
    cradle = ready().work()
    cradle.look(FAULT)
    assert cradle.slot.state is SlotState.BUSY
    assert cradle.was_told(Drain) == 1
    cradle.child.says(ended(), beat())
    cradle.die(ExitCode.CLEAN, said="drained", after_s=1)
    assert cradle.slot.counters.completed == 1
    assert cradle.slot.reason == "Xid 31: memory access fault; starting again in 1 s"
    cradle.come_back()
    cradle.look(FAULT)
    assert cradle.load().was_told(Drain) == 0


def test_a_child_that_dies_of_its_own_error_says_so_itself():
    cradle = ready().work()
    cradle.look(FAULT)
    cradle.die(ExitCode.DEVICE_UNFIT, said="CUDA error: an illegal memory access")
    assert cradle.slot.last_exit.exit.reason == "CUDA error: an illegal memory access"


def test_many_errors_of_the_application_are_told_to_the_child_once():
    cradle = ready()
    for times in range(1, 5):
        cradle.look(Reading(0.0, xids={13: times}))
    assert cradle.was_told(Drain) == 1


def test_an_error_that_came_before_the_child_was_loaded_is_not_its_own():
    cradle = Cradle().start()
    cradle.look(FAULT)
    assert cradle.load().was_told(Drain) == 0


GIB = 1 << 30


def in_use(gib, *pids, at=LATER):
    processes = tuple(Process(pid, None) for pid in pids)
    return Reading(
        sampled_at=0.0, taken_at=at, memory_used_bytes=int(gib * GIB), processes=processes
    )


def test_the_next_child_waits_until_the_device_has_its_memory_back():
    cradle = Cradle().start()
    cradle.look(in_use(1))
    cradle.load()
    cradle.look(in_use(25, cradle.child.pid))
    cradle.die(-9, after_s=10)
    cradle.look(in_use(25))
    cradle.round(30)
    assert cradle.slot.state is SlotState.BACKOFF
    assert "24.0 GiB more than before" in cradle.slot.reason
    cradle.look(in_use(1))
    cradle.round(1)
    assert cradle.slot.state is SlotState.STARTING


def test_what_was_read_before_a_death_proves_nothing_after_it():
    cradle = Cradle().start()
    cradle.look(in_use(1))
    cradle.load().die(-9, after_s=10)
    cradle.look(in_use(1, at=LONG_AGO))
    cradle.round(30)
    assert (cradle.slot.state, len(cradle.born)) == (SlotState.BACKOFF, 1)
    assert cradle.slot.reason == "waits for a reading of the device's memory"
    cradle.look(in_use(1))
    cradle.round(1)
    assert cradle.slot.state is SlotState.STARTING


def test_where_nvml_tells_nothing_any_more_no_child_waits_for_it():
    cradle = Cradle().start()
    cradle.look(in_use(1))
    cradle.load().die(-9, after_s=10)
    cradle.slot.memory.unknown()
    cradle.round(1)
    assert cradle.slot.state is SlotState.STARTING


def test_a_child_that_dies_while_nvml_hangs_for_good_is_started_again():
    cradle = Cradle().start()
    cradle.look(in_use(1))
    cradle.load().slot.memory.unknown()
    cradle.die(-9, after_s=10)
    cradle.come_back()
    assert cradle.slot.state is SlotState.STARTING


def test_memory_is_waited_for_again_once_nvml_is_back():
    cradle = Cradle().start()
    cradle.look(in_use(1))
    cradle.load().slot.memory.unknown()
    cradle.look(in_use(25))
    cradle.die(-9, after_s=10)
    cradle.come_back()
    assert cradle.slot.reason == "waits for a reading of the device's memory"


def test_memory_that_never_comes_back_quarantines_the_slot():
    cradle = Cradle().start()
    cradle.look(in_use(1))
    cradle.load()
    cradle.die(-9, after_s=10)
    cradle.look(in_use(25))
    cradle.round(200)
    assert cradle.slot.state is SlotState.QUARANTINED
    assert "24.0 GiB" in cradle.slot.reason


def test_the_wrong_device_quarantines_the_slot_at_once():
    cradle = Cradle().start()
    cradle.die(ExitCode.NO_DEVICE, said="wrong device: GPU-2 is in use, GPU-1 was assigned")
    assert cradle.slot.state is SlotState.QUARANTINED
    assert "wrong device" in cradle.slot.reason


def test_the_wrong_device_gets_one_child_on_trial_after_half_an_hour_then_after_an_hour():
    cradle = Cradle().start()
    cradle.die(ExitCode.NO_DEVICE)
    cradle.round(1_799)
    assert len(cradle.born) == 1
    cradle.round(2)
    assert len(cradle.born) == 2
    cradle.die(ExitCode.NO_DEVICE)
    for _ in range(10):
        cradle.round(300)
    assert (cradle.slot.state, len(cradle.born)) == (SlotState.QUARANTINED, 2)
    cradle.round(601)
    assert len(cradle.born) == 3


def test_a_lost_device_takes_its_child_along_for_good():
    cradle = ready().work()
    cradle.look(Reading(0.0, lost=True))
    cradle.round()
    cradle.round(1000)
    assert cradle.slot.state is SlotState.LOST
    assert cradle.slot.over
    assert cradle.slot.reason == "NVML says that the device is lost"
    assert len(cradle.born) == 1


def test_the_reason_for_a_lost_device_outlives_a_drain_and_the_childs_death():
    cradle = Cradle().start()
    for _ in range(2):
        cradle.die(1)
        cradle.come_back()
    cradle.look(Reading(0.0, lost=True))
    cradle.slot.drain(cradle.now)
    cradle.round()
    assert cradle.slot.reason == "NVML says that the device is lost"
