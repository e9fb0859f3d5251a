"""The loop over all slots, one round at a time."""

import signal

import pytest
from loguru import logger
from msgspec.structs import replace

from pool.exit_codes import ExitCode
from pool.gpu.probe_client import Telemetry
from pool.gpu.readings import Device, Reading, Snapshot
from pool.ledger import Ledger
from pool.messages import Drain, KeyAccepted, Loaded, Said, Stop
from pool.supervisor.newborn import Newborn, SlotFacts
from pool.supervisor.restart import RestartRules
from pool.supervisor.slot import Slot
from pool.supervisor.states import SlotState
from pool.supervisor.supervisor import PoolRules, Supervisor, Surroundings
from pool.task_log import TaskLog
from tests.unit.pool.supervisor.fake_child import ITEM, FakeChild, beat, ended, working

CARDS = [Device(f"GPU-{n}", "Fake", n, f"0000:0{n}", None) for n in range(2)]


class RecordedSignals:
    fd = -1

    def __init__(self):
        self.came = []

    def take(self):
        came, self.came = self.came, []
        return came


class Readings:
    """What NVML says from now on; None: nothing new."""

    def __init__(self):
        self.next = None
        self.pids = ()

    def poll(self, now):
        return self.next

    def say(self, *readings, incomplete=False):
        by_uuid = {card.uuid: reading for card, reading in zip(CARDS, readings, strict=False)}
        self.next = Telemetry(Snapshot(tuple(CARDS), by_uuid, incomplete=incomplete))


class NotedEvents:
    def __init__(self):
        self.noted = []

    def note(self, event, worker_id, item_id):
        self.noted.append((event, item_id))


class Pool:
    """A supervisor of two slots with fake children."""

    def __init__(self, tmp_path, *, max_tasks=None, drain_timeout_s=None, on_gpus=False, gpus=None):
        self.now = 1000.0
        self.signals = RecordedSignals()
        self.gpus = gpus or Readings()
        self.ledger = Ledger(tmp_path / "ledger.jsonl")
        self.published = []
        self.events = NotedEvents()
        around = Surroundings(
            signals=self.signals,
            gpus=self.gpus if on_gpus else None,
            ledger=self.ledger,
            events=self.events,
            task_log=TaskLog(tmp_path / "tasks.jsonl"),
            publish=lambda _supervisor, now: self.published.append(now),
        )
        self.supervisor = Supervisor(
            PoolRules(max_tasks, drain_timeout_s), around, lambda: self.now
        )
        self.children = {}
        self.slots = [self._slot(number, on_gpus) for number in range(2)]
        self.supervisor.slots = self.slots
        self.supervisor._planned = self.now
        for slot in self.slots:
            slot.launch(self.now)
        for child in self.children.values():
            child.says(Loaded())
        self.round()

    def _slot(self, number, on_gpus):
        name = f"{'gpu' if on_gpus else 'cpu'}{number}"

        def launch(_incarnation):
            self.children[number] = FakeChild(2000 + number)
            return Newborn(self.children[number], f"pool-{name}-x")

        facts = SlotFacts(name, CARDS[number] if on_gpus else None, launch)
        return Slot(facts, RestartRules(), self.supervisor, lambda: 0.0)

    def round(self, after_s=0.0):
        self.now += after_s
        return self.supervisor.step(self.now)

    def signal(self, *numbers):
        self.signals.came += numbers
        self.round()

    def states(self):
        return [slot.state for slot in self.slots]

    def told(self, kind):
        return [
            sum(isinstance(message, kind) for message in child.told)
            for child in self.children.values()
        ]

    def all_end(self, code):
        for child in self.children.values():
            child.dies(code)
        self.round()
        return self.supervisor._verdict()


@pytest.fixture
def pool(tmp_path):
    return Pool(tmp_path)


def test_the_first_signal_drains_and_the_second_stops(pool):
    pool.signal(signal.SIGTERM)
    assert (pool.told(Drain), pool.told(Stop)) == ([1, 1], [0, 0])
    pool.signal(signal.SIGINT)
    assert (pool.told(Drain), pool.told(Stop)) == ([1, 1], [1, 1])


def test_two_signals_that_came_together_stop(pool):
    pool.signal(signal.SIGTERM, signal.SIGTERM)
    assert pool.told(Stop) == [1, 1]


def test_a_third_signal_changes_nothing(pool):
    pool.signal(signal.SIGTERM, signal.SIGTERM)
    pool.signal(signal.SIGTERM)
    assert pool.told(Stop) == [1, 1]


def test_a_clean_drain_ends_with_0(pool):
    pool.signal(signal.SIGTERM)
    assert pool.all_end(ExitCode.CLEAN) is ExitCode.CLEAN


def test_a_stop_ends_with_9(pool):
    pool.signal(signal.SIGTERM, signal.SIGTERM)
    assert pool.all_end(ExitCode.STOPPED) is ExitCode.STOPPED


def test_a_stop_ends_with_9_although_no_child_can_be_killed(pool):
    for child in pool.children.values():
        child.held = True
    pool.signal(signal.SIGTERM, signal.SIGTERM)
    pool.round(8)
    pool.round(1)
    assert all(slot.over for slot in pool.slots)
    assert pool.supervisor._verdict() is ExitCode.STOPPED


def test_a_drain_that_takes_too_long_becomes_a_stop(tmp_path):
    pool = Pool(tmp_path, drain_timeout_s=8)
    pool.signal(signal.SIGTERM)
    pool.round(7.9)
    assert pool.told(Stop) == [0, 0]
    pool.round(0.2)
    assert pool.told(Stop) == [1, 1]


def test_the_loop_wakes_the_moment_a_drain_is_over_its_time(tmp_path):
    pool = Pool(tmp_path, drain_timeout_s=8.5)
    pool.signal(signal.SIGTERM)
    for _ in range(100):
        wake_at = pool.supervisor.step(pool.now)
        if pool.told(Stop) == [1, 1]:
            break
        pool.now = max(pool.now, wake_at)
    assert pool.now == 1008.5


@pytest.mark.parametrize("held", [False, True])
def test_a_drain_timeout_of_eight_seconds_is_over_before_ten_although_every_child_hangs(
    tmp_path, held
):
    """`held`: not even SIGKILL ends them."""
    pool = Pool(tmp_path, drain_timeout_s=8)
    for child in pool.children.values():
        child.held = held
        child.says(beat(working(pool.now)))
    pool.signal(signal.SIGTERM)
    due_at = pool.now
    while not all(slot.over for slot in pool.slots):
        pool.now = due_at
        due_at = pool.supervisor.step(pool.now)
    assert 1008 < pool.now < 1009.5


def test_without_drain_timeout_a_drain_may_take_for_ever(pool):
    pool.signal(signal.SIGTERM)
    for _ in range(100):
        for child in pool.children.values():
            child.says(beat(working(pool.now)))
        pool.round(50)
    assert pool.told(Stop) == [0, 0]


def test_after_max_tasks_the_pool_drains(tmp_path):
    pool = Pool(tmp_path, max_tasks=2)
    pool.children[0].says(ended("completed", "a"), ended("lost", "b"))
    pool.round()
    assert pool.told(Drain) == [0, 0]
    pool.children[1].says(ended("failed", "c"))
    pool.round()
    assert pool.told(Drain) == [1, 1]


def test_a_first_signal_ends_no_work_of_a_pool_that_drains_by_itself(tmp_path):
    pool = Pool(tmp_path, max_tasks=1, drain_timeout_s=8)
    pool.children[0].says(ended("completed", "a"))
    pool.round()
    pool.round(100)
    pool.signal(signal.SIGTERM)
    pool.round(7.9)
    assert (pool.told(Drain), pool.told(Stop)) == ([1, 1], [0, 0])
    pool.round(0.2)
    assert pool.told(Stop) == [1, 1]


def test_a_refused_key_drains_the_others_and_ends_with_4(pool):
    pool.children[0].dies(ExitCode.UNAUTHORIZED)
    pool.round()
    assert pool.states() == [SlotState.STOPPED, SlotState.DRAINING]
    assert pool.all_end(ExitCode.CLEAN) is ExitCode.UNAUTHORIZED


def test_a_key_that_one_child_found_good_is_not_refused_by_the_next_ones_401(pool):
    pool.children[0].says(KeyAccepted())
    pool.round()
    pool.children[1].dies(ExitCode.UNAUTHORIZED)
    pool.round()
    assert pool.states() == [SlotState.READY, SlotState.BACKOFF]
    assert pool.told(Drain) == [0, 0]


def test_wrong_settings_end_with_2(pool):
    assert pool.all_end(ExitCode.CONFIG) is ExitCode.CONFIG


def test_when_every_slot_is_quarantined_the_pool_ends_with_5(pool):
    assert pool.all_end(ExitCode.NO_DEVICE) is ExitCode.ALL_QUARANTINED
    assert all(slot.over for slot in pool.slots)


def test_one_quarantined_slot_stops_no_other(pool):
    pool.children[0].dies(ExitCode.NO_DEVICE)
    pool.round()
    assert pool.states() == [SlotState.QUARANTINED, SlotState.READY]
    assert pool.told(Drain) == [0, 0]


def test_once_one_child_knows_the_key_every_later_child_is_told(pool):
    assert not pool.supervisor.key_accepted
    pool.children[0].says(KeyAccepted())
    pool.round()
    assert pool.supervisor.key_accepted


def test_an_item_that_kills_a_child_is_remembered_until_it_ends(pool):
    pool.children[0].says(beat(working(pool.now)))
    pool.children[0].dies(-signal.SIGSEGV)
    pool.round()
    assert pool.ledger.deaths(ITEM) == ["killed by SIGSEGV"]
    assert pool.events.noted == [("died", ITEM)]
    pool.children[1].says(ended("completed"))
    pool.round()
    assert pool.ledger.deaths(ITEM) == []


def test_a_photo_that_the_server_keeps_to_itself_is_remembered_beside_those_it_gives_out(pool):
    for _ in range(3):
        pool.children[0].says(ended("abandoned", photo="unsigned"))
        pool.children[0].says(ended("completed", item_id="another", photo="fetched"))
        pool.round()
    assert pool.ledger.unsigned_rounds(ITEM) == 3


def test_what_is_to_be_said_once_is_not_said_by_every_child(pool):
    lines = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    word = Said(level="WARNING", text="for another kind of worker", item_id=ITEM, once=True)
    others = [replace(word, item_id="item-2"), replace(word, once=False, text="a line")]
    for child in pool.children.values():
        child.says(word, *others)
    pool.round()
    logger.remove(sink)
    assert lines.count("for another kind of worker\n") == 2, "one an item"
    assert lines.count("a line\n") == 2


def test_an_item_that_a_child_suspects_is_remembered(pool):
    suspicious = replace(ended("abandoned"), suspect=True, reason="CUDA error")
    pool.children[0].says(suspicious)
    pool.round()
    assert pool.ledger.deaths(ITEM) == ["CUDA error"]


def test_a_ledger_that_cannot_be_written_harms_no_slot(tmp_path):
    pool = Pool(tmp_path)
    (tmp_path / "ledger.jsonl").mkdir()
    pool.children[0].says(beat(working(pool.now)))
    pool.children[0].dies(-signal.SIGSEGV)
    pool.round()
    assert pool.states() == [SlotState.BACKOFF, SlotState.READY]


def test_the_status_is_written_once_a_second(pool):
    written = len(pool.published)
    for _ in range(40):
        pool.round(0.1)
    assert 3 <= len(pool.published) - written <= 5


def test_after_a_pause_of_its_own_nobody_is_killed(pool):
    for child in pool.children.values():
        child.says(beat(working(pool.now, limit_s=5.0)))
    pool.round()
    for _ in range(4):
        pool.round(3600)
    assert [child.signals for child in pool.children.values()] == [[], []]


def test_a_lost_device_ends_its_slot_alone(tmp_path):
    pool = Pool(tmp_path, on_gpus=True)
    pool.gpus.say(Reading(0.0, lost=True), Reading(0.0))
    pool.round()
    assert pool.states() == [SlotState.LOST, SlotState.READY]


def test_a_fatal_xid_quarantines_its_slot_and_says_why(tmp_path):
    pool = Pool(tmp_path, on_gpus=True)
    pool.gpus.say(Reading(0.0, xids={79: 1}), Reading(0.0, xids={13: 1}))
    pool.round()
    assert pool.states() == [SlotState.QUARANTINED, SlotState.READY]
    pool.round()
    assert pool.slots[0].over
    assert "Xid 79" in pool.slots[0].reason


def test_a_broken_nvml_never_means_a_dead_gpu(tmp_path):
    pool = Pool(tmp_path, on_gpus=True)
    pool.gpus.say(Reading(0.0, temperature_c=40), Reading(0.0))
    pool.round()
    assert pool.supervisor.readings["GPU-0"].temperature_c == 40
    pool.gpus.next = Telemetry(None, "NVML gives no answer")
    pool.round()
    assert pool.states() == [SlotState.READY, SlotState.READY]
    assert pool.supervisor.readings == {}


def test_a_device_that_nvml_could_not_open_is_unknown_and_its_child_lives(tmp_path):
    pool = Pool(tmp_path, on_gpus=True)
    pool.gpus.say(Reading(0.0), incomplete=True)
    pool.round()
    assert pool.states() == [SlotState.READY, SlotState.READY]
    assert [child.signals for child in pool.children.values()] == [[], []]
    pool.gpus.say(Reading(0.0))
    pool.round()
    assert pool.states() == [SlotState.READY, SlotState.LOST]
