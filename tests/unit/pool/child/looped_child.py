"""A child's loop and everything around it: lanes that do as they are told, a clock likewise."""

from dataclasses import replace

from pool.child.desk import Wish
from pool.child.loop import ChildLoop, LoopRules
from pool.child.news import BackendLoaded, Polled
from pool.messages import Beat, TaskEnded
from tests.unit.pool.child.held_child import LEASE_S, means_in, task_called
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
        self.keys_tried = 0

    def try_key(self, now):
        self.keys_tried += 1

    def step(self, now, wish):
        if wish is not Wish.NONE:
            self.wishes.append("for later" if wish is Wish.NEXT else "now")
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

    def __init__(self, tmp_path, *, deaths=(), unsigned=0, key_accepted=False, loaded=True):
        self.clock, self.told, self.asked = Clock(), Told(), Asked()
        self.means = means_in(tmp_path, self.clock)
        self.device.holds = False
        self.full_disk = None
        rules = LoopRules(
            lease_duration_s=LEASE_S,
            overlap=True,
            key_accepted=key_accepted,
            deaths=lambda _item_id: list(deaths),
            unsigned=lambda _item_id: unsigned,
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
