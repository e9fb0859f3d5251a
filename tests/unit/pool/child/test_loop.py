"""The child's loop, one step after the other: lanes that finish at once, a clock that is told."""

import pytest

from client.errors import Transient, Unauthorized
from client.wire import Task
from pool.child.in_work import Lanes, Means
from pool.child.loop import ChildLoop, LoopRules
from pool.child.news import BackendLoaded, Inbox, Ordered, Polled
from pool.child.undelivered import Undelivered
from pool.child.workbench import Tools
from pool.exit_codes import ExitCode
from pool.lease.job import JobRules
from pool.lease.pace import Limits, Stage
from pool.lease.renewal import RenewalRules
from pool.messages import Beat, Drain, KeyAccepted, Loaded, Stop, TaskEnded
from tests.unit.pool.child.noted_tools import (
    Clock,
    NotedBackend,
    NotedEvents,
    NotedQueue,
    NotedShelf,
)

LIMITS = Limits({stage.value: 100.0 for stage in Stage} | {"first_step": 200.0, "step_floor": 10.0})
TASK = Task("item-1", None, None, "a dog", "g/p.jpg", None, 73, None, None)


class AtOnce:
    """A lane on which everything is over by the time it was begun."""

    busy = False

    def submit(self, job):
        job()


class Asked:
    """The pool's polling; the answers come from the test."""

    look_at = float("inf")
    asking = False

    def step(self, now, *, defer):
        pass

    def answered(self, polled, now):
        return polled.task

    def wanted(self, task):
        return True


class Told:
    """What the supervisor was told."""

    def __init__(self):
        self.messages = []

    def send(self, message):
        self.messages.append(message)

    def flush(self):
        pass

    def of(self, kind):
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def stages(self):
        beats = self.of(Beat)
        return [task.stage for task in beats[-1].tasks] if beats else []


class WatchedBackend(NotedBackend):
    """Notes what the supervisor knew when the inference began."""

    def __init__(self, told):
        super().__init__()
        self.known_at_start = None
        self._told = told

    def infer(self, prepared, progress, cancel):
        self.known_at_start = self._told.stages
        return super().infer(prepared, progress, cancel)

    def unavailable(self):
        return None

    def worn_out(self):
        return None


class Child:
    """A loop and everything around it."""

    def __init__(self, tmp_path, *, deaths=(), key_accepted=False):
        self.clock, self.told, self.inbox = Clock(), Told(), Inbox()
        self.queue, self.backend = NotedQueue(), WatchedBackend(self.told)
        tools = Tools(
            queue=self.queue,
            shelf=NotedShelf(),
            backend=self.backend,
            undelivered=Undelivered(tmp_path / "undelivered"),
            events=NotedEvents(),
            worker_id="w-cpu0-1",
            work_dir=tmp_path / "work",
            max_photo_bytes=1000,
        )
        lanes = Lanes(AtOnce(), AtOnce(), AtOnce(), AtOnce(), (AtOnce(), AtOnce(), AtOnce()))
        means = Means(
            tools, lanes, self.inbox, JobRules(RenewalRules(600, 120, 1), LIMITS), self.clock
        )
        rules = LoopRules(
            lease_duration_s=600,
            overlap=True,
            key_accepted=key_accepted,
            deaths=lambda _item_id: list(deaths),
            paths=lambda item_id: [f"videos/{item_id}.mp4"],
            full_disk=lambda: None,
        )
        self.loop = ChildLoop(rules, means, Asked(), self.told, lambda: 0.0)
        self.step(BackendLoaded(None))

    def step(self, *news):
        """One step at the present moment; then what came of it, until nothing more comes."""
        wake_at = self.loop.step(self.clock.now, news)
        while came := self.inbox.take(0):
            wake_at = self.loop.step(self.clock.now, came)
        return wake_at

    def polled(self, task=None, error=None):
        return self.step(Polled(task, error, self.clock.now, self.clock.now))

    def work_to_the_end(self):
        wake_at = self.polled(TASK)
        for _ in range(50):
            if self.told.of(TaskEnded):
                return
            self.clock.now = max(self.clock.now, wake_at)
            wake_at = self.step()
        raise AssertionError(f"the task never ended; {self.queue.calls}")


@pytest.fixture
def child(tmp_path):
    return Child(tmp_path)


def test_a_task_is_worked_on_to_its_end_and_told(child):
    child.work_to_the_end()
    [ended] = child.told.of(TaskEnded)
    assert (ended.item_id, ended.ending) == ("item-1", "completed")
    assert ended.storage_path == "videos/item-1.mp4"
    assert child.queue.calls[-1][0] == "completed"


def test_the_supervisor_knows_of_an_inference_before_it_begins(child):
    """Else a process that dies of it, or hangs with it, dies of nothing that anybody knows of."""
    child.work_to_the_end()
    assert child.backend.known_at_start == ["infer"]


def test_an_item_that_killed_two_children_is_reported_and_not_tried(tmp_path):
    child = Child(tmp_path, deaths=["killed by SIGSEGV", "killed by SIGBUS"])
    child.work_to_the_end()
    assert child.backend.inferred == []
    assert child.queue.calls[-1] == (
        "failed",
        "item-1",
        "w-cpu0-1",
        "crashed the worker twice: killed by SIGBUS",
    )


def test_one_death_is_an_accident(tmp_path):
    child = Child(tmp_path, deaths=["killed by SIGSEGV"])
    child.work_to_the_end()
    assert child.queue.calls[-1][0] == "completed"


def test_a_loaded_child_says_so(child):
    assert len(child.told.of(Loaded)) == 1


def test_an_idle_child_drains_at_once(child):
    child.step(Ordered(Drain()))
    assert child.loop.exit.code is ExitCode.CLEAN


def test_a_stopped_child_gives_its_lease_back(child):
    child.polled(TASK)
    child.step(Ordered(Stop(within_s=7.0)))
    assert child.queue.calls[-1] == ("renew", "item-1", "w-cpu0-1", 1)
    assert child.loop.exit.code is ExitCode.STOPPED
    assert child.told.of(TaskEnded)[0].ending == "released"


def test_a_key_that_never_worked_ends_the_child(child):
    child.polled(error=Unauthorized("the key is refused (401)"))
    assert child.loop.exit.code is ExitCode.UNAUTHORIZED


@pytest.mark.parametrize("key_accepted", [True, False])
def test_a_key_that_worked_once_is_waited_for(tmp_path, key_accepted):
    child = Child(tmp_path, key_accepted=key_accepted)
    child.polled()
    child.polled(error=Unauthorized("the key is refused (401)"))
    assert child.loop.exit is None
    assert len(child.told.of(KeyAccepted)) == (0 if key_accepted else 1)


def test_a_queue_that_cannot_be_asked_is_asked_again(child):
    child.polled(error=Transient("503"))
    assert child.loop.exit is None
    assert child.told.of(KeyAccepted) == []
