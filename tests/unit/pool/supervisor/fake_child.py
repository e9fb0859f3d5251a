"""A child without a process: it says what it is told to say, and remembers what was done to it."""

import signal

from pool.messages import Beat, Current, Ending, Loaded, TaskEnded
from pool.supervisor.newborn import Newborn, SlotFacts
from pool.supervisor.restart import RestartRules
from pool.supervisor.slot import Slot
from pool.supervisor.states import SlotState

ITEM = "item-1"


def working(now=0.0, *, stage="infer", limit_s=100.0, item_id=ITEM):
    return Current(
        item_id=item_id,
        stage=stage,
        step=1,
        steps=50,
        progress=0.02,
        eta_s=None,
        lease_deadline=now + 600,
        moved_at=now,
        limit_s=limit_s,
        computing=stage in ("prepare", "infer", "encode"),
    )


def beat(*tasks, waiting_for=None):
    return Beat(tasks=tasks, waiting_for=waiting_for)


def ended(ending="completed", item_id=ITEM, **more):
    return TaskEnded(item_id=item_id, ending=ending, reason="", stage_s={}, **more)


class FakeChild:
    """Dies of SIGKILL at once, and of no other signal, as a child that hangs does.

    `held`: the driver has it, and it outlives SIGKILL until it is `let_go`.
    """

    def __init__(self, pid=1000):
        self.pid = pid
        self.told = []
        self.signals = []
        self.dumps = 0
        self.closed = False
        self.held = False
        self._said = []
        self._code = None

    def says(self, *messages):
        self._said += messages

    def dies(self, code):
        if self._code is None:
            self._code = code

    @property
    def alive(self):
        return self._code is None

    def fileno(self):
        return -1

    def tell(self, message):
        self.told.append(message)

    def hear(self):
        said, self._said = self._said, []
        return said

    def signal(self, *numbers):
        self.signals += numbers
        self._die_if_killed()

    def let_go(self):
        self.held = False
        self._die_if_killed()

    def _die_if_killed(self):
        if signal.SIGKILL in self.signals and not self.held:
            self.dies(-signal.SIGKILL)

    def dump_stacks(self):
        self.dumps += 1

    def returncode(self):
        return self._code

    def rss_bytes(self):
        return 1_000_000 if self.alive else None

    def close(self):
        self.closed = True


class Listener:
    """What a slot tells those who watch it."""

    def __init__(self):
        self.key_accepted = False
        self.messages = []
        self.deaths = []

    def heard(self, slot, message):
        self.messages.append(message)

    def died_over(self, slot, item_id, how):
        self.deaths.append((item_id, how))


class Cradle:
    """A slot whose children are fake, with a clock that is told."""

    def __init__(self, device=None, rules=None):
        self.cannot_start = None
        self.now = 1000.0
        self.born = []
        self.watcher = Listener()
        facts = SlotFacts("cpu0", device, self._launch)
        self.slot = Slot(facts, rules or RestartRules(), self.watcher, lambda: 0.0)

    def _launch(self, incarnation):
        if self.cannot_start is not None:
            raise self.cannot_start
        self.born.append(FakeChild(1000 + incarnation))
        return Newborn(self.born[-1], f"pool-cpu0-{incarnation}")

    @property
    def child(self):
        return self.born[-1]

    def look(self, reading):
        """A reading of the slot's device."""
        self.slot.look_at_device(reading, self.now)

    def round(self, after_s=0.0):
        """One round of the supervisor's loop."""
        self.now += after_s
        self.slot.hear(self.now)
        self.slot.step(self.now)

    def start(self):
        self.slot.launch(self.now)
        return self

    def load(self):
        self.child.says(Loaded())
        self.round()
        return self

    def work(self, **more):
        self.child.says(beat(working(self.now, **more)))
        self.round()
        return self

    def die(self, code, said=None, after_s=0.0):
        if said is not None:
            self.child.says(Ending(reason=said))
        self.child.dies(code)
        self.round(after_s)

    def come_back(self):
        """Wait for the backoff to be over; the wait in seconds."""
        wait_s = self.slot.wake_at(self.now) - self.now
        self.round(wait_s)
        return wait_s

    def was_told(self, kind):
        return sum(isinstance(message, kind) for message in self.child.told)


def ready():
    """A slot whose child is loaded."""
    return Cradle().start().load()


def quarantined():
    """A slot whose children died five times in a row."""
    cradle = Cradle().start()
    for _ in range(4):
        cradle.load().die(1, after_s=10)
        cradle.come_back()
    cradle.load().die(1, after_s=10)
    assert cradle.slot.state is SlotState.QUARANTINED
    return cradle
