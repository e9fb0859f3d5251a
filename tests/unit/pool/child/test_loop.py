"""The child's loop, one step after the other: lanes that do as they are told, a clock likewise."""

from dataclasses import replace

import pytest

from client.errors import Transient, Unauthorized
from inference.backend import Video
from pool.child.loop import ChildLoop, LoopRules
from pool.child.news import BackendLoaded, Exit, Logged, Ordered, Polled, Signalled
from pool.exit_codes import ExitCode
from pool.lease.rhythm import Rhythm
from pool.messages import Beat, Drain, KeyAccepted, Loaded, Said, Stop, TaskEnded
from tests.unit.pool.child.held_child import LEASE_S, UNFIT, means_in, task_called
from tests.unit.pool.child.noted_tools import Clock

TASK = task_called("item-1")
OTHER = task_called("item-2")
FOREIGN = replace(task_called("item-3"), inference_provider="runway_gen4")


class Asked:
    """The pool's polling; the answers come from the test. `wishes`: how the child asked."""

    def __init__(self):
        self.look_at = 0.0
        self.asking = False
        self.wishes = []

    def step(self, now, *, defer):
        self.wishes.append("for later" if defer else "now")
        self.look_at = now + 1.0

    def answered(self, polled, now):
        self.asking = False
        return polled.task

    def wanted(self, task):
        return task is not FOREIGN

    def asked_again(self):
        """How the child asked since the last look."""
        wishes, self.wishes = self.wishes, []
        return wishes


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

    @property
    def endings(self):
        return [(ended.item_id, ended.ending) for ended in self.of(TaskEnded)]


class Child:
    """A loop and everything around it. Its device finishes at once unless it is told to hold."""

    def __init__(self, tmp_path, *, deaths=(), key_accepted=False, loaded=True):
        self.clock, self.told, self.asked = Clock(), Told(), Asked()
        self.means = means_in(tmp_path, self.clock)
        self.device.holds = False
        self.full_disk = None
        rules = LoopRules(
            lease_duration_s=LEASE_S,
            overlap=True,
            key_accepted=key_accepted,
            deaths=lambda _item_id: list(deaths),
            paths=lambda item_id: [f"videos/{item_id}.mp4"],
            full_disk=lambda: self.full_disk,
        )
        self.loop = ChildLoop(rules, self.means, self.asked, self.told, lambda: 0.0)
        if loaded:
            self.step(BackendLoaded(None))

    @property
    def backend(self):
        return self.means.tools.backend

    @property
    def device(self):
        return self.means.lanes.device

    @property
    def deliver(self):
        return self.means.lanes.deliver

    @property
    def calls(self):
        return self.means.tools.queue.calls

    def step(self, *news):
        """One step at the present moment; then what came of it, until nothing more comes."""
        wake_at = self.loop.step(self.clock.now, news)
        while came := self.means.inbox.take(0):
            wake_at = self.loop.step(self.clock.now, came)
        return wake_at

    def polled(self, task=None, error=None):
        return self.step(Polled(task, error, self.clock.now, self.clock.now))

    def pass_time(self, seconds):
        """Let time pass, stepping whenever the loop wants to be."""
        end = self.clock.now + seconds
        while self.clock.now < end and not self.loop.exit:
            wake_at = self.step()
            assert wake_at > self.clock.now or self.loop.exit, "the loop would spin"
            self.clock.now = min(end, wake_at)
        self.step()

    def work_to_the_end(self, task=TASK):
        self.polled(task)
        self.pass_time(5)
        assert task.item_id in dict(self.told.endings), f"it never ended; {self.calls}"

    def put_on_the_device(self, task=TASK):
        """Take a task as far as the device, which holds it."""
        self.device.holds = True
        self.polled(task)
        self.pass_time(2)

    def given_back(self, task):
        return ("renew", task.item_id, "w-cpu0-1", 1) in self.calls


@pytest.fixture
def child(tmp_path):
    return Child(tmp_path)


# Tasks


def test_a_task_is_worked_on_to_its_end_and_told(child):
    child.work_to_the_end()
    [ended] = child.told.of(TaskEnded)
    assert (ended.item_id, ended.ending) == ("item-1", "completed")
    assert ended.storage_path == "videos/item-1.mp4"
    assert child.calls[-1][0] == "completed"


def test_the_supervisor_knows_of_an_inference_before_it_begins(child):
    """Else a process that dies of it, or hangs with it, dies of nothing that anybody knows of."""
    known = []
    child.backend.while_inferring = lambda: known.append(child.told.stages)
    child.work_to_the_end()
    assert known == [["infer"]]


def test_an_item_that_killed_two_children_is_reported_and_not_tried(tmp_path):
    child = Child(tmp_path, deaths=["killed by SIGSEGV", "killed by SIGBUS"])
    child.work_to_the_end()
    assert child.backend.inferred == []
    reason = "crashed the worker twice: killed by SIGBUS"
    assert child.calls[-1] == ("failed", "item-1", "w-cpu0-1", reason)


def test_one_death_is_an_accident(tmp_path):
    child = Child(tmp_path, deaths=["killed by SIGSEGV"])
    child.work_to_the_end()
    assert child.calls[-1][0] == "completed"


def keep_video(child, tmp_path, task):
    made = tmp_path / "made.mp4"
    made.write_bytes(b"made before")
    video = Video(made, 73, 48, 32, 24.0, 3.0, 11)
    child.means.tools.undelivered.keep(task, task.item_id, video)


@pytest.mark.parametrize("deaths", [(), ("killed by SIGSEGV", "killed by SIGBUS")])
def test_a_video_that_is_made_already_is_delivered_and_not_made_again(tmp_path, deaths):
    child = Child(tmp_path, deaths=deaths)
    keep_video(child, tmp_path, TASK)
    child.work_to_the_end()
    assert child.means.tools.shelf.stored == [b"made before"]
    assert child.backend.inferred == []
    assert child.told.endings == [("item-1", "completed")]


def test_an_item_that_comes_again_while_it_is_in_work_changes_nothing(child):
    child.device.holds = True
    child.polled(TASK)
    child.pass_time(3)
    sent = len(child.calls)
    child.polled(TASK)
    child.pass_time(3)
    assert len(child.calls) == sent
    child.device.finish()
    child.pass_time(3)
    assert child.told.endings == [(TASK.item_id, "completed")]


def test_a_task_of_the_other_kind_is_given_back_and_not_reported(child):
    child.work_to_the_end(FOREIGN)
    assert [call[0] for call in child.calls] == ["renew"]
    assert child.given_back(FOREIGN)
    assert child.told.endings == [("item-3", "released")]


# Asking for more


def test_nothing_is_asked_for_before_the_backend_is_loaded(tmp_path):
    child = Child(tmp_path, loaded=False)
    child.pass_time(3)
    assert child.asked.wishes == []
    assert child.told.of(Beat)[-1].waiting_for == "loading"
    child.step(BackendLoaded(None))
    assert child.asked.wishes == ["now"]
    assert len(child.told.of(Loaded)) == 1


def test_a_backend_that_cannot_be_loaded_ends_the_child(tmp_path):
    child = Child(tmp_path, loaded=False)
    child.step(BackendLoaded(Exit(ExitCode.CONFIG, "no weights in /models")))
    assert child.loop.exit == Exit(ExitCode.CONFIG, "no weights in /models")
    assert child.told.of(Loaded) == []


@pytest.mark.parametrize("where", ["the backend", "the disk"])
def test_a_child_that_should_take_no_task_asks_for_none_and_says_why(child, where):
    def say(why):
        if where == "the disk":
            child.full_disk = why
        else:
            child.backend.closed_to_tasks = why

    say("out of credit")
    child.asked.asked_again()
    child.pass_time(3)
    assert child.asked.asked_again() == []
    assert child.told.of(Beat)[-1].waiting_for == "out of credit"
    say(None)
    child.pass_time(1)
    assert set(child.asked.asked_again()) == {"now"}
    assert child.told.of(Beat)[-1].waiting_for is None


def test_the_next_task_is_asked_for_while_the_device_works(child):
    child.loop._desk.rhythm = Rhythm().inferred(0, 60.0).readied(2.0)
    child.put_on_the_device()
    child.asked.asked_again()
    child.pass_time(40)
    assert child.asked.asked_again() == []
    child.pass_time(15)
    assert set(child.asked.asked_again()) == {"for later"}
    child.pass_time(3)
    assert set(child.asked.asked_again()) >= {"now"}


def test_what_waited_for_the_end_of_another_starts_in_the_same_step(child):
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.device.finish()
    child.step()
    assert child.told.stages == ["infer"]
    assert child.told.endings == [("item-1", "completed")]


# The key


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


def test_a_key_that_is_refused_later_does_not_stop_what_is_in_work(child):
    child.polled()
    child.put_on_the_device()
    child.polled(error=Unauthorized("the key is refused (401)"))
    child.device.finish()
    child.step()
    assert child.told.endings == [("item-1", "completed")]


def test_a_queue_that_cannot_be_asked_is_asked_again(child):
    child.polled(error=Transient("503"))
    assert child.loop.exit is None
    assert child.told.of(KeyAccepted) == []


# Drains


def test_an_idle_child_drains_at_once(child):
    child.step(Ordered(Drain()))
    assert child.loop.exit == Exit(ExitCode.CLEAN, "drained")


def test_a_drain_finishes_what_is_in_work_and_gives_back_what_waits(child):
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.step(Ordered(Drain()))
    assert child.given_back(OTHER)
    assert child.loop.exit is None
    child.asked.asked_again()
    child.device.finish()
    child.step()
    assert child.told.endings == [("item-2", "released"), ("item-1", "completed")]
    assert child.loop.exit.code is ExitCode.CLEAN
    assert child.asked.asked_again() == []


def test_a_task_that_arrives_during_a_drain_is_given_back(child):
    child.asked.asking = True
    child.step(Ordered(Drain()))
    assert child.loop.exit is None, "its answer may be a lease"
    child.polled(TASK)
    assert child.given_back(TASK)
    assert child.backend.requests == []
    assert child.loop.exit.code is ExitCode.CLEAN


def test_the_renewals_go_on_during_a_drain(child):
    child.put_on_the_device()
    child.step(Ordered(Drain()))
    before = len(child.calls)
    child.pass_time(130)
    assert [call[0] for call in child.calls[before:]] == ["renew"]
    assert child.loop.exit is None


# Stops


def test_a_stopped_child_gives_its_lease_back(child):
    child.polled(TASK)
    child.step(Ordered(Stop(within_s=7.0)))
    assert child.given_back(TASK)
    assert child.loop.exit.code is ExitCode.STOPPED
    assert child.told.endings == [("item-1", "released")]


def test_a_stop_does_not_wait_for_a_device_that_does_not_stop(child):
    child.put_on_the_device()
    child.step(Ordered(Stop(within_s=7.0)))
    assert child.given_back(TASK)
    assert child.loop.exit is None
    stopped_at = child.clock.now
    child.pass_time(60)
    assert child.loop.exit == Exit(ExitCode.STOPPED, "stopped")
    assert child.clock.now - stopped_at <= 7.0
    assert child.told.endings == [("item-1", "released")]


def test_a_stop_does_not_wait_for_a_question_that_nobody_answers(child):
    child.asked.asking = True
    child.step(Ordered(Stop(within_s=7.0)))
    child.pass_time(60)
    assert child.loop.exit.code is ExitCode.STOPPED
    assert child.clock.now <= 7.0


def test_a_first_signal_drains_and_a_second_one_stops(child):
    child.put_on_the_device()
    child.step(Signalled(15))
    assert not child.given_back(TASK)
    child.step(Signalled(15))
    assert child.given_back(TASK)


def test_a_second_order_to_stop_moves_no_deadline(child):
    child.put_on_the_device()
    child.step(Ordered(Stop(within_s=7.0)))
    child.pass_time(5)
    child.step(Ordered(Stop(within_s=7.0)))
    child.pass_time(2)
    assert child.loop.exit.code is ExitCode.STOPPED


# Processes that should make way for a fresh one


def test_a_child_whose_device_broke_delivers_what_it_made_and_ends(child):
    child.deliver.holds = True
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.device.finish()
    child.step()
    child.backend.next_error = UNFIT
    child.device.finish()
    child.asked.asked_again()
    child.pass_time(2)
    assert child.told.endings == [("item-2", "abandoned")]
    assert child.loop.exit is None
    child.deliver.holds = False
    child.deliver.finish()
    child.pass_time(2)
    assert child.told.endings[-1] == ("item-1", "completed")
    assert child.loop.exit == Exit(ExitCode.DEVICE_UNFIT, str(UNFIT))
    assert child.asked.asked_again() == []


def test_the_task_behind_one_that_broke_the_device_is_no_suspect(child):
    child.put_on_the_device(TASK)
    child.polled(OTHER)
    child.pass_time(2)
    child.backend.next_error = UNFIT
    child.device.finish()
    child.pass_time(2)
    suspects = {ended.item_id: ended.suspect for ended in child.told.of(TaskEnded)}
    assert suspects == {"item-1": True, "item-2": False}
    assert child.given_back(OTHER)
    assert child.loop.exit.code is ExitCode.DEVICE_UNFIT


def test_a_worn_out_backend_makes_way_between_two_tasks(child):
    child.backend.worn = "its memory grew by 7 GiB over 100 videos"
    child.work_to_the_end()
    assert child.told.endings == [("item-1", "completed")]
    assert not child.told.of(TaskEnded)[0].suspect
    assert child.loop.exit == Exit(ExitCode.WORN_OUT, child.backend.worn)


# What the supervisor hears


def test_an_idle_child_beats_once_a_second(child):
    before = len(child.told.of(Beat))
    child.pass_time(30)
    assert len(child.told.of(Beat)) - before == pytest.approx(30, abs=1)


def test_every_change_of_stage_is_told_at_once(child):
    child.means.lanes.fetch.holds = True
    child.polled(TASK)
    stages = [child.told.stages]
    for _ in range(3):
        child.means.lanes.fetch.finish()
        child.step()
        stages.append(child.told.stages)
    assert stages == [["confirm"], ["download"], ["prepare"], ["confirm"]]


def test_log_lines_travel_to_the_supervisor(child):
    child.step(Logged("WARNING", "a line", "item-1"))
    assert child.told.of(Said) == [Said(level="WARNING", text="a line", item_id="item-1")]
