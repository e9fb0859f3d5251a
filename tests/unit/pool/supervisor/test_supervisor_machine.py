"""The specification of the supervisor, as a state machine over whatever can happen to its slots.

Slot 0 is well: nothing ever happens to it alone. Whatever happens to the others, its child works on
until the pool as a whole is told to end. Every slot that does not work says why. What is counted
never shrinks. The loop never spins. Once the pool is to end it does, within ten seconds of a stop
and within a load's time of a drain, and its exit code says what its slots say.
"""

import signal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from loguru import logger

from pool.exit_codes import ExitCode
from pool.gpu.probe_client import Telemetry
from pool.gpu.readings import Device, Reading, Snapshot
from pool.messages import Drain, KeyAccepted, Loaded, Stop
from pool.supervisor.newborn import Newborn, SlotFacts
from pool.supervisor.restart import RestartRules
from pool.supervisor.slot import Slot
from pool.supervisor.states import GIVEN_UP, SlotState
from pool.supervisor.supervisor import PoolRules, Supervisor, Surroundings
from tests.unit.pool.supervisor.fake_child import FakeChild, beat, ended, working
from tests.unit.pool.supervisor.test_slot_machine import ENDINGS, LATER, WAYS_TO_DIE
from tests.unit.pool.supervisor.test_starts import GB, ToldMemory
from tests.unit.pool.supervisor.test_supervisor import NotedEvents, Readings, RecordedSignals

CARDS = [Device(f"GPU-{n}", "Fake", n, f"0000:0{n}", None) for n in range(3)]
EVERY, TROUBLED = st.sampled_from([0, 1, 2]), st.sampled_from([1, 2])
LOAD_S = 5
STOPPED_WITHIN_S = 10
DRAINED_WITHIN_S = 1800 + 60
"""A load may hang for half an hour; then comes the ladder, and the wait for a killed process."""
HEALTHY = {
    "well": Reading(0.0, taken_at=LATER, memory_used_bytes=1 << 30),
    "memory held": Reading(0.0, taken_at=LATER, memory_used_bytes=25 << 30),
    "ECC errors that nobody explains": Reading(0.0, taken_at=LATER, ecc_uncorrected=3),
}
UNFIT = {
    "lost": Reading(0.0, lost=True, taken_at=LATER),
    "sick": Reading(0.0, taken_at=LATER, repair_failed=True),
    "an error of the application": Reading(0.0, taken_at=LATER, xids={13: 1}),
    "a fatal error": Reading(0.0, taken_at=LATER, xids={79: 1}),
    "not listed": None,
}
CONDITIONS = {**HEALTHY, **UNFIT}


class Bug(Exception):
    pass


class Worker(FakeChild):
    """Does as it is told, unless it is `stuck` in its work or, hanging as a whole, `mute`."""

    def __init__(self, pid, now):
        super().__init__(pid)
        self.item = None
        self.born_at = self.moved_at = now
        self.loaded = False
        self.stuck = self.mute = self.has_bug = False

    def live(self, now):
        """What it says and does in a moment."""
        told = {type(message) for message in self.told}
        if self.mute or not self.alive:
            return
        if Stop in told:
            self.dies(ExitCode.STOPPED)
        elif Drain in told and not (self.stuck and self.item):
            if self.item is not None:
                self.says(ended("completed", self.item), beat())
            self.dies(ExitCode.CLEAN)
        elif not self.loaded and not self.stuck and now >= self.born_at + LOAD_S:
            self.loaded = True
            self.says(Loaded())
        elif self.item is None:
            self.says(beat(waiting_for="an empty queue"))
        else:
            self.moved_at = self.moved_at if self.stuck else now
            self.says(beat(working(self.moved_at, item_id=self.item)))

    def hear(self):
        if self.has_bug:
            self.has_bug = False
            raise Bug
        return super().hear()


class Records:
    """In the place of the ledger and of the task log: everything may be written down."""

    def __getattr__(self, _name):
        return lambda *_words: None


class PoolUnderAnything(RuleBasedStateMachine):
    @initialize(
        room_gb=st.sampled_from([24, 2000]),
        max_tasks=st.sampled_from([None, None, 3]),
        drain_timeout_s=st.sampled_from([None, None, 8.0]),
    )
    def start(self, room_gb, max_tasks, drain_timeout_s):
        self.now = 1000.0
        self.signals, self.gpus = RecordedSignals(), Readings()
        self.memory = ToldMemory(room_gb)
        records = Records()
        around = Surroundings(
            signals=self.signals,
            gpus=self.gpus,
            ledger=records,
            events=NotedEvents(),
            task_log=records,
            publish=lambda _supervisor, _now: None,
            memory=self.memory,
        )
        rules = PoolRules(max_tasks, drain_timeout_s, load_guess_bytes=80 * GB)
        self.supervisor = Supervisor(rules, around, lambda: self.now)
        self.supervisor._planned = self.now
        self.born = [[], [], []]
        self.cannot_start = [None] * 3
        self.conditions = ["well"] * 3
        self.counted = [0] * 3
        self.stopped_at = None
        self.slots = self.supervisor.slots = [self.slot(number) for number in range(3)]
        self.tell_conditions()
        self.pass_time(0)

    def slot(self, number):
        def launch(incarnation):
            if self.cannot_start[number] is not None:
                raise self.cannot_start[number]
            worker = Worker(1000 * (number + 1) + incarnation, self.now)
            self.born[number].append(worker)
            return Newborn(worker, f"pool-gpu{number}-{incarnation}")

        facts = SlotFacts(f"gpu{number}", CARDS[number], launch)
        return Slot(facts, RestartRules(), self.supervisor, lambda: 0.0)

    def worker(self, number):
        """The child of the slot, while it lives."""
        slot = self.slots[number]
        return slot.child if slot.child is not None and slot.child.alive else None

    @property
    def over(self):
        return all(slot.over for slot in self.slots)

    def pass_time(self, seconds):
        """Let the loop run, children speaking up in each round, until the pool is over."""
        end, rounds_now = self.now + seconds, 0
        while not self.over:
            for number in range(3):
                if (worker := self.worker(number)) is not None:
                    worker.live(self.now)
            due_at = self.supervisor.step(self.now)
            rounds_now = rounds_now + 1 if due_at <= self.now else 0
            assert rounds_now < 10, "the loop spins"
            if due_at > end:
                break
            self.now = max(self.now, due_at)
        self.now = end if not self.over else self.now

    def tell_conditions(self, *, incomplete=False):
        known = {card.uuid: CONDITIONS[c] for card, c in zip(CARDS, self.conditions, strict=True)}
        readings = {uuid: reading for uuid, reading in known.items() if reading is not None}
        self.gpus.next = Telemetry(Snapshot(tuple(CARDS), readings, incomplete=incomplete))

    # What happens

    @rule(seconds=st.sampled_from([0, 0.4, 1, 3, 6, 20, 130, 700, 2000]))
    def time_passes(self, seconds):
        self.pass_time(seconds)

    @rule()
    def the_supervisor_was_away(self):
        self.now += 500
        self.pass_time(0)

    @rule(number=EVERY, item=st.sampled_from(["a", "b", "c"]))
    def a_child_takes_a_task(self, number, item):
        worker = self.worker(number)
        if worker is not None and worker.loaded and not worker.item and not worker.told:
            worker.item, worker.moved_at = item, self.now

    @rule(number=EVERY, ending=st.sampled_from(ENDINGS))
    def a_task_ends(self, number, ending):
        worker = self.worker(number)
        if worker is not None and worker.item is not None and not worker.mute:
            worker.says(ended(ending, worker.item))
            worker.item = None

    @rule(number=EVERY)
    def the_key_is_accepted(self, number):
        if (worker := self.worker(number)) is not None:
            worker.says(KeyAccepted())

    @rule(number=TROUBLED, code=st.sampled_from(WAYS_TO_DIE))
    def a_child_dies(self, number, code):
        if (worker := self.worker(number)) is not None:
            worker.dies(code)

    @rule(number=TROUBLED, mute=st.booleans())
    def a_child_hangs(self, number, mute):
        if (worker := self.worker(number)) is not None:
            worker.stuck, worker.mute = True, worker.mute or mute

    @rule(number=TROUBLED)
    def the_driver_holds_a_child(self, number):
        if (worker := self.worker(number)) is not None:
            worker.held = True

    @rule(number=TROUBLED)
    def the_driver_lets_a_child_go(self, number):
        if (worker := self.worker(number)) is not None:
            worker.let_go()

    @rule(number=TROUBLED)
    def the_pool_has_a_bug(self, number):
        if (worker := self.worker(number)) is not None:
            worker.has_bug = True

    @rule(number=TROUBLED, error=st.sampled_from([None, OSError(24, "files"), OSError(2, "file")]))
    def children_can_or_cannot_be_started(self, number, error):
        self.cannot_start[number] = error

    @rule(number=TROUBLED, condition=st.sampled_from(sorted(CONDITIONS)))
    def a_device_is_read(self, number, condition):
        self.conditions[number] = condition
        self.tell_conditions()

    @rule()
    def nvml_could_not_open_every_card(self):
        self.tell_conditions(incomplete=True)

    @rule()
    def nvml_is_silent(self):
        self.gpus.next = Telemetry(None, "NVML gives no answer")

    @rule(room_gb=st.sampled_from([1, 24, 2000]))
    def the_hosts_memory_is_read(self, room_gb):
        self.memory.available_gb = room_gb

    @precondition(lambda self: self.stopped_at is None)
    @rule(number=st.sampled_from([signal.SIGTERM, signal.SIGINT]))
    def a_signal_comes(self, number):
        stops = self.supervisor._asked_to_end
        self.signals.came.append(number)
        self.pass_time(0)
        if stops:
            self.stopped_at = self.now

    # What holds

    @invariant()
    def the_well_slot_works_on_whatever_happens_to_the_others(self):
        if hasattr(self, "slots") and not self.supervisor.draining:
            slot = self.slots[0]
            assert slot.state in {SlotState.STARTING, SlotState.READY, SlotState.BUSY}
            assert len(self.born[0]) <= 1
            assert all(worker.signals == [] for worker in self.born[0])

    @invariant()
    def a_slot_that_does_not_work_says_why(self):
        for slot in getattr(self, "slots", ()):
            assert slot.reason or slot.state in {SlotState.READY, SlotState.BUSY}

    @invariant()
    def what_is_counted_never_shrinks(self):
        for number, slot in enumerate(getattr(self, "slots", ())):
            told = slot.counters
            counted = told.completed + told.failed + told.lost
            assert counted >= self.counted[number]
            self.counted[number] = counted

    @invariant()
    def no_slot_has_two_children(self):
        for workers in getattr(self, "born", ()):
            assert sum(worker.alive for worker in workers) <= 1
            assert all(worker.closed for worker in workers[:-1])

    @invariant()
    def a_stopped_pool_is_over_within_ten_seconds(self):
        if getattr(self, "stopped_at", None) is not None:
            assert self.over or self.now < self.stopped_at + STOPPED_WITHIN_S

    @invariant()
    def the_exit_code_says_what_the_slots_say(self):
        if not hasattr(self, "slots") or not self.over:
            return
        code = self.supervisor._verdict()
        unusable = {slot.unusable for slot in self.slots} - {None}
        given_up = [slot.state in GIVEN_UP for slot in self.slots]
        if unusable:
            assert code in unusable
        elif self.supervisor._stopping:
            assert code is ExitCode.STOPPED
        else:
            assert code is (ExitCode.ALL_QUARANTINED if all(given_up) else ExitCode.CLEAN)
        assert code is not ExitCode.CLEAN or self.supervisor.draining

    def teardown(self):
        """However it stands, a drain is over in the time that a load may take."""
        if not hasattr(self, "slots"):
            return
        self.signals.came.append(signal.SIGTERM)
        self.pass_time(DRAINED_WITHIN_S)
        assert self.over, [(slot.state, slot.reason) for slot in self.slots]
        self.the_exit_code_says_what_the_slots_say()


PoolUnderAnything.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)


class TestPoolUnderAnything(PoolUnderAnything.TestCase):
    def setUp(self):
        # Tracebacks by the hundred, which nobody reads.
        logger.disable("pool")

    def tearDown(self):
        logger.enable("pool")
