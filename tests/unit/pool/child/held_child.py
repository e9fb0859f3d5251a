"""Tasks in work on lanes that hold what they are given until told, under a clock that is told."""

from client.wire import Task
from inference.errors import BadOutput, DeviceUnfit
from pool.child.desk import Desk
from pool.child.in_work import Admission, InWork, Lanes, Means
from pool.child.news import Inbox, MoveEnded
from pool.child.undelivered import Undelivered
from pool.child.workbench import Tools
from pool.lease.job import Job, JobRules, Known
from pool.lease.lease import Lease
from pool.lease.pace import Limits, Stage
from pool.lease.renewal import RenewalRules
from tests.unit.pool.child.noted_tools import (
    Clock,
    NotedBackend,
    NotedEvents,
    NotedQueue,
    NotedShelf,
)

LEASE_S = 600
LIMITS = Limits({stage.value: 100.0 for stage in Stage} | {"first_step": 200.0, "step_floor": 10.0})
RULES = JobRules(RenewalRules(LEASE_S, 120, 1), LIMITS)


def task_called(item_id, **fields):
    known = {"prompt": "a dog", "photo_storage_path": "g/p.jpg", "fault": None}
    rest = {"group_id": None, "photo_id": None, "leased_until": None, "frame_num": 73}
    return Task(item_id=item_id, inference_provider=None, **{**known, **rest, **fields})


def raising(error):
    """Something that raises this whatever it is called with."""

    def call(*_args, **_more):
        raise error

    return call


class ToldLane:
    """Runs what it is given at once or, while it `holds`, when `finish` says so."""

    def __init__(self, *, holds=False):
        self.holds = holds
        self.waiting = []

    @property
    def busy(self):
        return bool(self.waiting)

    def submit(self, job):
        if self.holds:
            self.waiting.append(job)
        else:
            job()

    def finish(self):
        self.waiting.pop(0)()


class ToldBackend(NotedBackend):
    """`next_error` is raised by the next inference; `while_inferring` runs during each."""

    def __init__(self):
        super().__init__()
        self.next_error = None
        self.while_inferring = lambda: None
        self.worn = None
        self.closed_to_tasks = None

    def infer(self, prepared, progress, cancel):
        error, self.next_error = self.next_error, None
        if error is not None:
            raise error
        self.while_inferring()
        cancel.check()
        return super().infer(prepared, progress, cancel)

    def unavailable(self):
        return self.closed_to_tasks

    def worn_out(self):
        return self.worn


UNFIT = DeviceUnfit("CUDA error: device-side assert triggered")
BAD = BadOutput("the frames are black")


def means_in(folder, clock, *, events=None):
    """What a child works with; its device lane holds, the others do not."""
    tools = Tools(
        queue=NotedQueue(),
        shelf=NotedShelf(),
        backend=ToldBackend(),
        undelivered=Undelivered(folder / "undelivered"),
        events=events or NotedEvents(),
        worker_id="w-cpu0-1",
        work_dir=folder / "work",
        max_photo_bytes=1000,
    )
    lanes = Lanes(
        device=ToldLane(holds=True),
        fetch=ToldLane(),
        deliver=ToldLane(),
        poll=ToldLane(holds=True),
        renewals=(ToldLane(), ToldLane(), ToldLane()),
    )
    return Means(tools, lanes, Inbox(), RULES, clock)


class HeldDesk:
    """A desk and everything around it."""

    def __init__(self, folder, *, overlap=True):
        self.clock = Clock()
        self.means = means_in(folder, self.clock)
        self.desk = Desk(overlap=overlap)
        self._serial = 0

    @property
    def lanes(self):
        return self.means.lanes

    @property
    def queue(self):
        return self.means.tools.queue

    @property
    def backend(self):
        return self.means.tools.backend

    def take(self, item_id, *, alone=False, found=None):
        """Lease a task now; it is in work, and nothing is started for it yet."""
        now = self.clock.now
        lease = Lease.taken(sent_at=now, answered_at=now, length_s=LEASE_S)
        paths = [f"videos/{item_id}.mp4"]
        made = found is not None
        job = Job(lease, RULES, Known(paths, made), jitter=lambda: 0.0)
        self._serial += 1
        seat = self.desk.free_seat()
        admission = Admission(self._serial, asked_at=now, seat=seat, alone=alone, found=found)
        work = InWork(task_called(item_id), job, self.means, admission)
        self.desk.tasks.append(work)
        return work

    def step(self):
        self.desk.step(self.clock.now)
        self.desk.start()

    def settle(self):
        """Step at the present moment until nothing more comes of it."""
        self.step()
        while news := self.means.inbox.take(0):
            for item in news:
                if isinstance(item, MoveEnded):
                    self.desk.handle(item)
            self.step()
        if self.desk.take_away_finished(at_once=False):
            self.settle()

    def pass_time(self, seconds, *, every_s=1.0):
        """Let time pass, stepping as a loop would."""
        end = self.clock.now + seconds
        self.settle()
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + every_s)
            self.settle()

    def make_ready(self, item_id, **how):
        """A leased task that has its photo and is confirmed."""
        work = self.take(item_id, **how)
        self.pass_time(1.5, every_s=0.5)
        return work

    def pass_unseen(self, seconds):
        """Let time pass in the middle of something."""
        self.clock.now += seconds

    def finish_inference(self):
        self.lanes.device.finish()
        self.settle()

    def sent(self, item_id, verb=None):
        """What left for an item: verbs, or the whole calls of one verb."""
        calls = [call for call in self.queue.calls if call[1] == item_id]
        return [call for call in calls if call[0] == verb] if verb else [c[0] for c in calls]

    def given_back(self, item_id):
        return [call[3] for call in self.sent(item_id, "renew")][-1:] == [1]
