"""The specification of a slot, as a state machine over whatever can happen to it.

Whatever a child says and however it dies: the slot meets no event that its table refuses, never has
two children, launches none while its device is lost or sick, or after it was drained or stopped,
none for half an hour after it was given up, and wakes when it has to.
A stopped child is gone within ten seconds, or not waited for. One that outlives its kill is not
waited for either, and is tried again once it is gone. What is counted never shrinks.
"""

import signal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pool.exit_codes import ExitCode
from pool.gpu.readings import Reading, Recovery
from pool.messages import Ending, KeyAccepted, Loaded, Said
from pool.supervisor.states import GIVEN_UP, SlotState
from tests.unit.pool.supervisor.fake_child import Cradle, beat, ended, working

WAYS_TO_DIE = [
    *ExitCode,
    1,
    77,
    134,
    -signal.SIGSEGV,
    -signal.SIGKILL,
    -signal.SIGTERM,
    -signal.SIGRTMIN - 5,
]
ENDINGS = ["completed", "failed", "lost", "abandoned", "released"]
FOR_GOOD = {SlotState.STOPPED}
NO_TRIAL_BEFORE_S = 1800
LONGEST_WAIT_FOR_A_TRIAL_S = 4 * 3600.0
LATER = 1e12


class SlotUnderAnything(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.cradle = Cradle()
        self.asked_to_end = False
        self.stopped_at = None
        self.given_up_with = None
        self.counted = 0
        self.fit, self.born_while_unfit = True, None
        self.in_vain_at, self.born_in_vain = None, 0
        self.was_undying = False
        self.cradle.start()

    @property
    def slot(self):
        return self.cradle.slot

    @rule(wait_s=st.sampled_from([0.0, 0.3, 1.0, 3.0, 9.5, 61.0, 301.0, 2000.0]))
    def a_round(self, wait_s):
        self.cradle.round(wait_s)
        for _ in range(3):
            if self.slot.wake_at(self.cradle.now) > self.cradle.now:
                break
            self.cradle.round()
        else:
            raise AssertionError("the loop spins")

    @rule()
    def a_round_when_it_is_due(self):
        self.cradle.round(max(0.0, self.slot.wake_at(self.cradle.now) - self.cradle.now))

    @precondition(lambda self: self.slot.child is not None)
    @rule(
        words=st.lists(
            st.one_of(
                st.just(Loaded()),
                st.just(KeyAccepted()),
                st.just(Said(level="INFO", text="hello")),
                st.just(Ending(reason="over")),
                st.sampled_from([beat(), beat(waiting_for="quota")]),
                st.builds(
                    lambda at, limit_s: beat(working(at, limit_s=limit_s)),
                    st.sampled_from([0.0, 1000.0, 1e6]),
                    st.sampled_from([1.0, 100.0, 1800.0]),
                ),
                st.sampled_from([ended(ending) for ending in ENDINGS]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def the_child_says(self, words):
        self.cradle.child.says(*words)

    @precondition(lambda self: self.slot.child is not None)
    @rule(code=st.sampled_from(WAYS_TO_DIE))
    def the_child_dies(self, code):
        self.cradle.child.dies(code)

    @precondition(lambda self: self.slot.child is not None)
    @rule()
    def the_driver_holds_the_child(self):
        self.cradle.child.held = True

    @precondition(lambda self: self.slot.child is not None)
    @rule()
    def the_driver_lets_the_child_go(self):
        self.cradle.child.let_go()

    @precondition(lambda self: self.slot.child is not None)
    @rule()
    def the_child_finds_the_wrong_device(self):
        self.cradle.die(ExitCode.NO_DEVICE)
        if self.fit:
            self.the_device_is_well()

    @rule()
    def the_device_is_sick_and_well_again_and_is_tried(self):
        self.the_device_is_sick()
        self.cradle.round()
        self.the_device_is_well()
        self.cradle.round(LONGEST_WAIT_FOR_A_TRIAL_S)

    @rule(fails=st.booleans())
    def the_host_can_or_cannot_start_processes(self, fails):
        self.cradle.cannot_start = OSError(11, "Try again") if fails else None

    @rule()
    def drain(self):
        self.slot.drain(self.cradle.now)
        self.asked_to_end = True

    @rule()
    def stop(self):
        self.slot.stop(self.cradle.now)
        self.asked_to_end = True
        if self.stopped_at is None:
            self.stopped_at = self.cradle.now

    @rule()
    def the_device_is_lost(self):
        self.cradle.look(Reading(0.0, taken_at=LATER, lost=True))
        self.fit = False

    @rule()
    def the_device_is_sick(self):
        self.cradle.look(Reading(0.0, taken_at=LATER, repair_failed=True))
        self.fit = False

    @rule()
    def the_device_is_well(self):
        self.cradle.look(Reading(0.0, taken_at=LATER, recovery=Recovery.NONE))
        self.fit = True

    @rule(code=st.sampled_from([13, 45]))
    def the_driver_reports_an_error_that_costs_no_device(self, code):
        self.cradle.look(Reading(0.0, taken_at=LATER, xids={code: 1}))
        self.fit = True

    @rule(gib=st.sampled_from([1, 25]))
    def the_device_is_read(self, gib):
        self.cradle.look(Reading(sampled_at=0.0, taken_at=LATER, memory_used_bytes=gib << 30))
        self.fit = True

    @rule()
    def the_supervisor_was_away(self):
        self.cradle.now += 100
        self.slot.grant_grace(self.cradle.now)

    @invariant()
    def never_two_children(self):
        if hasattr(self, "cradle"):
            assert sum(child.alive for child in self.cradle.born) <= 1
            assert all(child.closed for child in self.cradle.born[:-1])

    @invariant()
    def no_child_is_born_once_the_slot_is_to_end(self):
        if not hasattr(self, "cradle"):
            return
        if self.given_up_with is None and (self.asked_to_end or self.slot.state in FOR_GOOD):
            self.given_up_with = len(self.cradle.born)
        if self.given_up_with is not None:
            assert len(self.cradle.born) == self.given_up_with
            ends = {SlotState.STOPPED, SlotState.LOST, SlotState.QUARANTINED, SlotState.DRAINING}
            assert self.slot.state in ends

    @invariant()
    def no_child_is_born_on_a_device_that_is_lost_or_sick(self):
        if not hasattr(self, "cradle"):
            return
        if self.fit:
            self.born_while_unfit = None
        elif self.born_while_unfit is None:
            self.born_while_unfit = len(self.cradle.born)
        else:
            assert len(self.cradle.born) == self.born_while_unfit

    @invariant()
    def no_child_is_on_trial_before_half_an_hour(self):
        if not hasattr(self, "cradle"):
            return
        born = len(self.cradle.born)
        self.was_undying = self.slot.state in GIVEN_UP and (self.was_undying or self.slot.undying)
        if self.was_undying:
            self.in_vain_at = None
            return
        if self.in_vain_at is not None and born > self.born_in_vain:
            assert self.cradle.now - self.in_vain_at >= NO_TRIAL_BEFORE_S
        if self.slot.state not in GIVEN_UP:
            self.in_vain_at = None
        elif self.in_vain_at is None:
            self.in_vain_at, self.born_in_vain = self.cradle.now, born

    @invariant()
    def a_stopped_child_is_gone_within_ten_seconds(self):
        if hasattr(self, "cradle") and self.stopped_at is not None:
            late = self.cradle.now >= self.stopped_at + 10
            due_s = self.slot.wake_at(self.cradle.now) - self.cradle.now
            gone = self.slot.child is None or not self.cradle.child.alive
            assert not late or gone or self.slot.undying or due_s <= 0

    @invariant()
    def what_outlived_its_kill_is_said_and_is_not_waited_for(self):
        if hasattr(self, "cradle") and self.slot.undying:
            assert self.slot.over
            assert signal.SIGKILL in self.cradle.child.signals

    @invariant()
    def it_is_known_why_a_slot_does_not_work(self):
        if hasattr(self, "cradle") and self.slot.state not in {SlotState.READY, SlotState.BUSY}:
            assert self.slot.reason

    @invariant()
    def what_is_counted_never_shrinks(self):
        if hasattr(self, "cradle"):
            told = self.slot.counters
            counted = told.completed + told.failed + told.lost
            assert counted >= self.counted
            self.counted = counted


SlotUnderAnything.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestSlotUnderAnything = SlotUnderAnything.TestCase
