"""A child's part in its pool's polling, with a gate in memory and a queue that answers as told."""

import math
from itertools import pairwise

import pytest

from client.errors import NoSuchLease, Rejected, Transient, Unauthorized
from pool.child.desk import Wish
from pool.child.lanes import Lane
from pool.child.news import Inbox, KeyRefused
from pool.child.poll_gate import PollGate
from pool.child.poller import Asking, Poller
from pool.lease.polling import PollRules, PollState
from tests.unit.pool.child.held_child import ToldLane, task_called
from tests.unit.pool.child.noted_tools import Clock

INTERVAL_S = 10.0
TASK = task_called("item-1")


class Turn:
    def __init__(self, gate):
        self._gate = gate

    @property
    def state(self):
        return self._gate.state

    def put(self, state):
        if self._gate.disk_error is not None:
            raise self._gate.disk_error
        self._gate.state = state

    def leave(self):
        self._gate.taken = False
        self._gate.let_in()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.leave()


class Gate:
    """The pool's turn to ask, and who stands in line for it, as the kernel keeps them."""

    def __init__(self):
        self.state = PollState()
        self.taken = False
        self.line = []
        self.entered = 0
        self.disk_error = None

    def let_in(self):
        if self.line and not self.taken:
            self.line.pop(0)()

    def enter(self):
        assert not self.taken
        self.taken = True
        self.entered += 1
        return Turn(self)

    def try_enter(self):
        self.entered += 1
        if self.taken or self.line:
            return None
        self.taken = True
        return Turn(self)


class Queue:
    """Gives its answers in order; an exception is raised."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.renewals = []

    def renew(self, item_id, worker_id, extend_s):
        self.renewals.append((worker_id, extend_s))
        raise self.answers.pop(0)

    def next_task(self, worker_id, lease_duration_s):
        self.asked.append((worker_id, lease_duration_s))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Child:
    """One poller; several can share a gate and a clock."""

    def __init__(self, gate=None, clock=None, jitter=0.0, lane=None):
        self.gate, self.clock = gate or Gate(), clock or Clock()
        self.queue, self.lane, self.inbox = Queue(), lane or ToldLane(holds=True), Inbox()
        rules = PollRules(INTERVAL_S, INTERVAL_S, INTERVAL_S, 0.0)
        wanted = lambda provider: provider != "runway_gen4"  # noqa: E731 - shorter so
        asking = Asking(self.queue, "w-cpu0-1", 600, rules, wanted)
        self.poller = Poller(
            asking, self.gate, self.lane, self.inbox, clock=self.clock, jitter=lambda: jitter
        )

    def step(self, wish=Wish.NOW):
        """Step until nothing more comes of it; whether a question is on its way."""
        self.poller.step(self.clock.now, wish)
        if self.lane.waiting and not self.poller.asking and self.lane.finish not in self.gate.line:
            self.gate.line.append(self.lane.finish)
        self.gate.let_in()
        for turned in self.inbox.take(0):
            self.poller.turned(turned, self.clock.now)
            self.poller.step(self.clock.now, wish)
        return self.poller.asking

    def answer(self, answer, took_s=0.0):
        """The question on its way is answered; the task that came of it."""
        self.queue.answers.append(answer)
        self.lane.finish()
        [polled] = self.inbox.take(0)
        self.clock.now += took_s
        return self.poller.answered(polled, self.clock.now)

    def ask_when_it_is_time(self, wish=Wish.NOW, within_s=120.0):
        """Look whenever it wants to; the second at which it asked."""
        end = self.clock.now + within_s
        while not self.step(wish):
            assert self.poller.look_at > self.clock.now, "it would spin"
            self.clock.now = self.poller.look_at
            assert self.clock.now < end, "it never asked"
        return self.clock.now


@pytest.fixture
def child():
    return Child()


def test_the_first_question_is_asked_at_once_and_in_the_childs_own_name(child):
    assert child.step()
    child.answer(None)
    assert child.queue.asked == [("w-cpu0-1", 600)]


def load_for(child, seconds):
    """Let the backend load for so long; what came of it."""
    end = child.clock.now + seconds
    while child.clock.now <= end:
        child.poller.try_key(child.clock.now)
        child.clock.now += 0.5
    while child.lane.busy:
        child.lane.finish()
    return child.inbox.take(0)


def test_a_load_that_takes_a_moment_only_tries_no_key(child):
    assert load_for(child, 0.5) == []
    assert child.queue.renewals == []


def test_while_a_backend_loads_for_long_the_key_is_tried_once(child):
    child.queue.answers = [NoSuchLease("no such lease (404)")]
    assert load_for(child, 60) == []
    assert child.queue.renewals == [("w-cpu0-1", 1)]


def test_a_key_that_is_refused_on_trial_is_told(child):
    child.queue.answers = [Unauthorized("the key is refused (401)")]
    [told] = load_for(child, 60)
    assert isinstance(told, KeyRefused)


@pytest.mark.parametrize("error", [Transient("HTTP 500"), RuntimeError("a bug")])
def test_a_trial_that_proves_nothing_is_left_at_that(child, error):
    child.queue.answers = [error]
    assert load_for(child, 60) == []


def test_one_question_at_a_time(child):
    child.step()
    child.step()
    assert len(child.lane.waiting) == 1


def test_the_answer_is_written_down_before_the_turn_is_left(child):
    child.step()
    child.answer(None)
    assert child.gate.state.next_at == INTERVAL_S
    assert not child.gate.taken


def test_an_empty_queue_is_asked_again_after_the_interval(child):
    child.step()
    child.answer(None)
    assert child.ask_when_it_is_time() == pytest.approx(INTERVAL_S, abs=0.5)


def test_after_a_task_the_next_question_may_follow_at_once(child):
    child.step()
    assert child.answer(TASK) is TASK
    assert child.step()


def test_an_idle_pool_asks_once_per_interval_however_many_children_it_has():
    gate, clock = Gate(), Clock()
    children = [Child(gate, clock, jitter=place / 8) for place in range(8)]
    asked_at = []
    while clock.now < 100 * INTERVAL_S:
        for asker in [child for child in children if child.step()]:
            asked_at.append(clock.now)
            asker.answer(None, took_s=0.15)
        # Whoever stands in line comes to the turn first; only then does time pass.
        clock.now = max(clock.now, min(child.poller.look_at for child in children))
    gaps = [later - earlier for earlier, later in pairwise(asked_at)]
    assert min(gaps) >= INTERVAL_S
    assert max(gaps) <= INTERVAL_S * 1.02 + 0.15 + 0.02


def test_the_interval_does_not_wake_a_child_more_than_a_few_times(child):
    child.step()
    child.answer(None)
    before = child.gate.entered
    child.ask_when_it_is_time()
    assert child.gate.entered - before <= 3


def test_a_child_in_line_wants_no_waking_but_the_turns():
    gate = Gate()
    first, second = Child(gate), Child(gate)
    first.step()
    second.step()
    assert second.poller.look_at == math.inf
    second.clock.now += 3600
    second.step()
    assert len(gate.line) == 1


def test_every_child_in_line_asks_at_the_very_moment_of_the_answer_before_while_there_is_work():
    gate, clock = Gate(), Clock()
    children = [Child(gate, clock, jitter=0.99) for _ in range(64)]
    for child in children:
        child.step()
    for child in children:
        assert child.step()
        clock.now += 0.15
        child.answer(TASK)
    assert clock.now == pytest.approx(64 * 0.15), "there was time in which nobody asked"


def test_a_child_in_line_is_woken_by_the_end_of_the_question_and_by_nothing_else(tmp_path):
    gate = PollGate(tmp_path / "poll.json")
    child = Child(gate, lane=Lane("poll"))
    with gate.enter():
        child.poller.step(0.0, Wish.NOW)
        assert child.inbox.take(0.1) == []
    [turned] = child.inbox.take(30.0)
    turned.turn.leave()


def test_a_child_that_wants_nothing_any_more_leaves_the_turn_to_the_next_in_line():
    gate = Gate()
    children = [Child(gate) for _ in range(3)]
    for child in children:
        child.step()
    children[0].answer(TASK)
    assert not children[1].step(Wish.NONE)
    assert children[2].step()


def test_a_child_that_comes_to_want_a_task_again_stands_in_line_again(child):
    assert not child.step(Wish.NONE)
    assert child.gate.entered == 0
    child.gate.taken = True
    child.step()
    child.gate.taken = False
    assert not child.step(Wish.NONE)
    assert child.step()


@pytest.mark.parametrize("wish", [Wish.NEXT, Wish.SOON])
def test_a_child_whose_device_works_never_stands_in_line(wish):
    gate, clock = Gate(), Clock()
    Child(gate, clock).step()
    waits, working = [], Child(gate, clock, jitter=0.5)
    for _ in range(20):
        assert not working.step(wish)
        assert working.lane.waiting == []
        waits.append(working.poller.look_at - clock.now)
        clock.now = working.poller.look_at
    assert waits[0] <= 0.03
    assert waits == sorted(waits)
    assert waits[-1] <= 0.25


def test_children_that_look_do_not_look_all_at_the_same_moment():
    gate, clock = Gate(), Clock()
    Child(gate, clock).step()
    lookers = [Child(gate, clock, jitter=place / 8) for place in range(8)]
    for looker in lookers:
        looker.step(Wish.SOON)
    assert len({looker.poller.look_at for looker in lookers}) == 8


def test_a_turn_that_cannot_be_looked_at_is_looked_at_again_later(tmp_path):
    child = Child(PollGate(tmp_path / "gone" / "poll.json"))
    child.poller.step(0.0, Wish.SOON)
    assert child.poller.look_at == 5.0


def test_a_turn_that_cannot_be_had_is_said_and_tried_again_later(tmp_path):
    child = Child(PollGate(tmp_path / "gone" / "poll.json"))
    child.poller.step(0.0, Wish.NOW)
    child.lane.finish()
    [turned] = child.inbox.take(0)
    child.poller.turned(turned, 0.0)
    assert not child.poller.asking
    child.poller.step(4.9, Wish.NOW)
    assert child.lane.waiting == []
    child.poller.step(5.0, Wish.NOW)
    assert len(child.lane.waiting) == 1


def test_siblings_follow_within_a_moment_when_a_poll_finds_work():
    gate, clock = Gate(), Clock()
    finder, sibling = Child(gate, clock), Child(gate, clock, jitter=0.99)
    for child in (finder, sibling):
        child.ask_when_it_is_time()
        child.answer(None)
    asked_at = finder.ask_when_it_is_time()
    sibling.step()
    finder.answer(TASK, took_s=0.15)
    assert sibling.ask_when_it_is_time() <= asked_at + 0.15 + 0.02


def test_a_child_whose_device_is_busy_lets_others_go_first():
    gate, clock = Gate(), Clock()
    busy, idle = Child(gate, clock), Child(gate, clock, jitter=0.99)
    busy.step()
    busy.answer(None)
    idle.step()
    assert idle.poller.look_at < INTERVAL_S + 0.25
    assert busy.ask_when_it_is_time(Wish.NEXT) >= INTERVAL_S + 0.25


def test_a_child_whose_time_is_short_does_not_wait_for_others(child):
    child.step()
    child.answer(TASK)
    assert not child.step(Wish.NEXT)
    child.poller.look_at = child.clock.now
    assert child.step(Wish.SOON)


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        (Transient("503"), 1.0),
        (Transient("429", retry_after_s=30.0), 30.0),
        (Rejected("400"), 1.0),
        (Unauthorized("401"), 60.0),
        (KeyError("a bug of ours"), 1.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_backed_off_from_by_the_whole_pool(child, error, wait_s):
    child.step()
    assert child.answer(error) is None
    sibling = Child(child.gate, child.clock)
    assert sibling.ask_when_it_is_time() == pytest.approx(wait_s, abs=0.05)


def test_the_backoff_grows_and_a_success_ends_it(child):
    waits = []
    for _ in range(4):
        child.ask_when_it_is_time()
        child.answer(Transient("503"))
        waits.append(child.gate.state.next_at - child.clock.now)
    assert waits == [1, 2, 4, 8]
    child.ask_when_it_is_time()
    child.answer(TASK)
    assert child.gate.state.failures == 0


def test_a_task_of_the_other_kind_is_handed_over_and_not_asked_for_again_at_once(child):
    foreign = task_called("item-2")
    foreign = type(foreign)(**{**vars(foreign), "inference_provider": "runway_gen4"})
    child.step()
    assert child.answer(foreign) is foreign
    assert not child.poller.wanted(foreign)
    assert child.gate.state.next_at == INTERVAL_S


def test_the_turn_is_left_even_when_the_question_broke(child):
    child.step()
    child.answer(KeyError("a bug of ours"))
    assert not child.gate.taken


def test_a_turn_that_cannot_be_written_down_is_left_and_this_child_waits_by_itself(child):
    child.step()
    child.gate.disk_error = OSError(28, "No space left on device")
    child.answer(None)
    assert not child.gate.taken
    assert child.poller.look_at == INTERVAL_S
