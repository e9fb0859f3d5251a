"""Several slots that start at once, on a host whose memory is told."""

import pytest

from pool.gpu.readings import Reading
from pool.ledger import Ledger
from pool.messages import Loaded
from pool.supervisor.newborn import Newborn, SlotFacts
from pool.supervisor.restart import RestartRules
from pool.supervisor.slot import Slot
from pool.supervisor.states import SlotState
from pool.supervisor.supervisor import PoolRules, Supervisor, Surroundings
from pool.task_log import TaskLog
from tests.unit.pool.supervisor.fake_child import FakeChild, beat
from tests.unit.pool.supervisor.test_supervisor import NotedEvents, RecordedSignals

GB = 10**9
STARTING, READY = SlotState.STARTING, SlotState.READY


class ToldMemory:
    """The host's memory; `private` is what each process holds, by its pid."""

    def __init__(self, available_gb):
        self.available_gb = available_gb
        self.private = {}

    def available_bytes(self):
        return self.available_gb * GB

    def private_bytes(self, pid):
        return self.private.get(pid, 0)


class Starts:
    """A supervisor of some slots, none of which has been started."""

    def __init__(self, tmp_path, slots, memory):
        self.now = 1000.0
        self.signals = RecordedSignals()
        self.children = {}
        around = Surroundings(
            signals=self.signals,
            gpus=None,
            ledger=Ledger(tmp_path / "ledger.jsonl"),
            events=NotedEvents(),
            task_log=TaskLog(tmp_path / "tasks.jsonl"),
            publish=lambda _supervisor, _now: None,
            memory=memory,
        )
        rules = PoolRules(None, None, load_guess_bytes=80 * GB)
        self.supervisor = Supervisor(rules, around, lambda: self.now)
        self.supervisor._planned = self.now
        self.slots = [self._slot(number) for number in range(slots)]
        self.supervisor.slots = self.slots
        self.round()

    def _slot(self, number):
        def launch(_incarnation):
            self.children[number] = FakeChild(2000 + number)
            return Newborn(self.children[number], f"pool-cpu{number}-x")

        facts = SlotFacts(f"cpu{number}", None, launch)
        return Slot(facts, RestartRules(), self.supervisor, lambda: 0.0)

    def round(self, after_s=0.0):
        self.now += after_s
        return self.supervisor.step(self.now)

    def load(self, *numbers):
        for number in numbers:
            self.children[number].says(Loaded())
        self.round(1.0)

    def running(self):
        return [number for number, slot in enumerate(self.slots) if slot.child is not None]


@pytest.fixture
def starts(tmp_path):
    return lambda slots, memory: Starts(tmp_path, slots, memory)


def test_where_memory_is_no_matter_all_start_at_once(starts):
    assert starts(8, None).running() == list(range(8))


def test_a_large_host_starts_all_at_once(starts):
    assert starts(8, ToldMemory(2000)).running() == list(range(8))


def test_a_small_host_starts_one_and_says_of_the_others_why_they_wait(starts):
    pool = starts(3, ToldMemory(64))
    assert pool.running() == [0]
    assert [slot.state for slot in pool.slots] == [STARTING] * 3
    assert "until the first child has loaded" in pool.slots[2].reason


def test_the_first_load_shows_how_many_fit_beside_each_other(starts):
    memory = ToldMemory(64)
    pool = starts(8, memory)
    memory.private[2000] = 18 * GB
    pool.round(1.0)
    memory.private[2000] = 2 * GB
    pool.load(0)
    assert pool.slots[0].state is READY, "it works while the others still wait"
    assert pool.running() == [0, 1, 2, 3]
    assert pool.slots[4].reason.startswith("waits for host memory: a load takes 18.0 GB")


def test_each_load_that_is_over_lets_another_begin(starts):
    memory = ToldMemory(24)
    pool = starts(3, memory)
    memory.private[2000] = 18 * GB
    pool.round(1.0)
    pool.load(0)
    assert pool.running() == [0, 1]
    pool.load(1)
    assert pool.running() == [0, 1, 2]
    pool.load(2)
    assert [slot.reason for slot in pool.slots] == [None] * 3


def test_a_load_that_hangs_holds_the_others_for_ten_minutes_and_no_longer(starts):
    memory = ToldMemory(64)
    pool = starts(3, memory)
    memory.private[2000] = GB
    for _ in range(599):
        pool.children[0].says(beat(waiting_for="loading"))
        pool.round(1.0)
    assert pool.running() == [0]
    pool.round(1.0)
    pool.round(1.0)
    assert pool.running() == [0, 1], "what the hung one holds is not what a load takes"
    memory.private[2001] = 18 * GB
    pool.round(1.0)
    pool.load(1)
    assert pool.running() == [0, 1, 2]
    assert pool.slots[0].state is STARTING


def test_a_restart_waits_for_memory_like_a_first_start(starts):
    memory = ToldMemory(24)
    pool = starts(2, memory)
    memory.private[2000] = 18 * GB
    pool.round(1.0)
    pool.load(0)
    pool.children[0].dies(-9)
    pool.round(1.0)
    pool.round(5.0)
    assert pool.running() == [1]
    assert pool.slots[0].reason.startswith("killed by SIGKILL; waits for host memory")
    pool.load(1)
    pool.round(1.0)
    assert pool.running() == [0, 1]
    assert pool.slots[0].reason == "starting again after: killed by SIGKILL"


def test_slots_that_wait_do_not_keep_the_loop_spinning(starts):
    memory = ToldMemory(24)
    pool = starts(2, memory)
    assert pool.round(1.0) > pool.now
    pool.children[0].dies(-9)
    pool.round(1.0)
    assert pool.round(60.0) > pool.now


def test_a_slot_that_never_started_is_stopped_by_a_drain(starts):
    pool = starts(2, ToldMemory(24))
    pool.load(0)
    pool = starts(2, ToldMemory(24))
    pool.supervisor.drain("SIGTERM", pool.now)
    assert pool.slots[1].state is SlotState.STOPPED
    assert pool.slots[1].over
    assert not pool.slots[0].over


def test_a_slot_that_never_started_can_lose_its_device(starts):
    pool = starts(2, ToldMemory(24))
    pool.slots[1].look_at_device(Reading(0.0, lost=True), pool.now)
    assert (pool.slots[1].state, pool.slots[1].over) == (SlotState.LOST, True)
