"""The child's loop: news in, moves out.

Theory of operation. Everything that happens arrives as news in one inbox: outcomes of moves, the
answer to a poll, messages from the supervisor, signals. `step(now)` takes in what is there, lets
the job or the polling rules say what is due, starts it on a lane, and returns when it wants to be
called again. It never blocks and never sends anything itself, so that neither a slow server nor an
inference of an hour delays a drain or a heartbeat.

What is due is told to the supervisor before it is started: when the process dies of a task, or
hangs with it, somebody knows what it was about to do.

The order at the end of a lease matters: the fence closes first (nothing more leaves), the work is
cancelled, and only when all its moves have come back are the task's files removed and its seat
given to another. A move that never comes back is a hang; the supervisor sees it by the same limits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from loguru import logger

from client.errors import Unauthorized
from client.wire import Task
from pool.child.desk import Desk, Wish
from pool.child.in_work import Admission, InWork, Means
from pool.child.news import (
    BackendLoaded,
    Exit,
    KeyRefused,
    Logged,
    MoveEnded,
    News,
    Ordered,
    Polled,
    Signalled,
    Turned,
)
from pool.child.poller import Poller
from pool.child.workbench import file_name
from pool.exit_codes import ExitCode
from pool.lease.job import Job, Known
from pool.lease.lease import Lease
from pool.lease.moves import Ending
from pool.messages import Beat, Drain, KeyAccepted, Loaded, Message, Said, Stop, TaskEnded

_BEAT_S = 1.0
_SIGNAL_STOP_S = 7.0
"""What a second signal, sent to this process itself, leaves for giving leases back."""
_POISON_AFTER = 2
"""An item that was in work when this many children died is not tried again."""
_LOST_PHOTO_AFTER = 3
"""Nor is one for whose photo no URL could be had under this many leases, while others' could."""


class Outlet(Protocol):
    """Where messages to the supervisor go. Implemented by `pool.child.outbox.Outbox`."""

    def send(self, message: Message) -> None: ...
    def flush(self) -> None: ...


@dataclass(frozen=True)
class LoopRules:
    """What is decided before the loop starts.

    `overlap`: whether the next task is taken while the device works. `deaths` tells how children of
    this host died over an item; `unsigned` under how many leases its photo could not be had while
    others could; `paths` where its video may lie already; `full_disk` which disk has no room for
    another task, in words.
    """

    lease_duration_s: int
    overlap: bool
    key_accepted: bool
    deaths: Callable[[str], Sequence[str]]
    unsigned: Callable[[str], int]
    paths: Callable[[str], Sequence[str]]
    full_disk: Callable[[], str | None]


class ChildLoop:
    """The loop of one child. Lives in the main thread."""

    def __init__(
        self,
        rules: LoopRules,
        means: Means,
        poller: Poller,
        outlet: Outlet,
        jitter: Callable[[], float],
    ) -> None:
        self.exit: Exit | None = None
        self._rules = rules
        self._means = means
        self._poller = poller
        self._outlet = outlet
        self._jitter = jitter
        self._desk = Desk(overlap=rules.overlap)
        self._ready = False
        self._draining = False
        self._stop_by: float | None = None
        self._retire: Exit | None = None
        self._key_accepted = rules.key_accepted
        self._serial = 0
        self._foreign: set[str] = set()
        self._beat_at = 0.0
        self._shown: tuple[tuple[str, str], ...] = ()
        self._waiting_for: str | None = "loading"

    def run(self) -> Exit:
        """Loop until there is a reason to end the process."""
        clock = self._means.clock
        wake_at = clock()
        while self.exit is None:
            news = self._means.inbox.take(wake_at - clock())
            wake_at = self.step(clock(), news)
        return self.exit

    def step(self, now: float, news: Sequence[News]) -> float:
        """Take in `news`, start what is due, and return when to be called again at the latest."""
        for item in news:
            self._take(item, now)
        self._desk.step(now)
        if self._let_go(now):
            # What waited for the end of another can start.
            self._desk.step(now)
        if self.exit is None:
            self._look_for_more(now)
        self._beat(now)
        self._outlet.flush()
        self._desk.start()
        return self._wake_at(now)

    # News

    def _take(self, news: News, now: float) -> None:
        match news:
            case MoveEnded():
                self._desk.handle(news)
                self._retire_if(self._desk.unfit, ExitCode.DEVICE_UNFIT, now)
            case Turned():
                self._poller.turned(news, now)
            case Polled():
                self._polled(news, now)
            case BackendLoaded(failure=failure):
                self._ready = failure is None
                self.exit = failure
                if self._ready:
                    self._outlet.send(Loaded())
            case KeyRefused(error=error):
                self._refused_key(error)
            case Ordered(message=message):
                self._ordered(message, now)
            case Signalled():
                self._signalled(now)
            case Logged(level, text, item_id, once):
                self._outlet.send(Said(level=level, text=text, item_id=item_id, once=once))
            case _:
                pass

    def _ordered(self, message: Message, now: float) -> None:
        match message:
            case Drain():
                self._drain(now)
            case Stop(within_s=within_s):
                self._stop(now, within_s)
            case _:
                pass

    def _signalled(self, now: float) -> None:
        """A signal sent to this process itself: the first drains, the second stops."""
        if self._draining:
            self._stop(now, _SIGNAL_STOP_S)
        self._drain(now)

    def _drain(self, now: float) -> None:
        self._draining = True
        self._desk.give_back_waiting(now)

    def _stop(self, now: float, within_s: float) -> None:
        self._draining = True
        if self._stop_by is None:
            self._stop_by = now + within_s
            self._desk.give_back_all(now, deliver_until=now + within_s / 2)

    def _polled(self, polled: Polled, now: float) -> None:
        task = self._poller.answered(polled, now)
        if isinstance(polled.error, Unauthorized):
            self._refused_key(polled.error)
        elif polled.error is not None:
            logger.warning("the queue could not be asked: {}", polled.error)
        elif not self._key_accepted:
            self._key_accepted = True
            self._outlet.send(KeyAccepted())
        if task is not None:
            self._begin(task, polled, now)

    def _refused_key(self, error: Unauthorized) -> None:
        if self._key_accepted:
            logger.error("the Worker API refuses the key now (401): no new tasks are taken")
        else:
            logger.debug("{}", error)
            self.exit = Exit(
                ExitCode.UNAUTHORIZED,
                "the Worker API refuses the key (401): correct WORKER_API_KEY",
            )

    # Work

    def _begin(self, task: Task, polled: Polled, now: float) -> None:
        if self._desk.works_on(task.item_id):
            # The lease went to somebody else meanwhile, ran out there, and came back to this worker
            # id: the server takes the one in work for its holder, so the work simply goes on.
            logger.bind(item_id=task.item_id).info("leased again while it is in work")
            return
        lease = Lease.taken(
            sent_at=polled.sent_at,
            answered_at=polled.answered_at,
            length_s=self._rules.lease_duration_s,
        )
        deaths = self._rules.deaths(task.item_id)
        tools = self._means.tools
        found = tools.undelivered.find(task, file_name(task.item_id))
        known = Known(
            paths=self._rules.paths(task.item_id),
            made=found is not None,
            fault=task.fault,
            held_against=_held_against(deaths, self._rules.unsigned(task.item_id)),
        )
        job = Job(lease, self._means.rules, known, self._jitter)
        self._serial += 1
        admission = Admission(
            serial=self._serial,
            asked_at=polled.sent_at,
            seat=self._desk.free_seat(),
            alone=bool(deaths),
            found=found,
        )
        work = InWork(task, job, self._means, admission)
        self._desk.tasks.append(work)
        tools.events.note("leased", tools.worker_id, task.item_id)
        log = logger.bind(item_id=task.item_id)
        if not self._poller.wanted(task):
            self._say_foreign(task)
            work.give_back(now)
            return
        log.info("leased" if found is None else "leased; its video is made already")
        if self._draining:
            work.give_back(now)

    def _say_foreign(self, task: Task) -> None:
        """Once an item: while its own kind of worker is away, it comes again and again."""
        if task.item_id not in self._foreign:
            logger.bind(item_id=task.item_id, once=True).warning(
                "for another kind of worker ({}): given back whenever it comes",
                task.inference_provider,
            )
            self._foreign.add(task.item_id)

    def _let_go(self, now: float) -> bool:
        """Let go of the tasks that are over; past a stop's deadline, of all; whether any was."""
        out_of_time = self._stop_by is not None and now >= self._stop_by
        over = self._desk.take_away_finished(at_once=out_of_time)
        for work in over:
            if work.job.ending is not None:
                ended = work.ended()
                self._say_ended(ended)
                self._outlet.send(ended)
            if work.over:
                work.clear()
            self._retire_if(self._means.tools.backend.worn_out(), ExitCode.WORN_OUT, now)
        return bool(over)

    def _retire_if(self, why: str | None, code: ExitCode, now: float) -> None:
        """Make way for a fresh process, if there is a reason to: deliver what is made, then end."""
        if why is not None and self._retire is None:
            self._retire = Exit(code, why)
            self._drain(now)

    def _say_ended(self, ended: TaskEnded) -> None:
        log = logger.bind(item_id=ended.item_id)
        if ended.ending == Ending.COMPLETED.value:
            log.success(
                "completed in {:.1f} s: {}", sum(ended.stage_s.values()), ended.storage_path
            )
        elif ended.item_id not in self._foreign:
            log.warning("{}: {}", ended.ending, ended.reason)

    def _look_for_more(self, now: float) -> None:
        """Ask for another task where one is wanted; end where none is any more."""
        if self._draining:
            self._poller.step(now, Wish.NONE)
            self._end_when_empty(now)
            return
        self._waiting_for = self._what_is_missing()
        if not self._ready and not self._key_accepted:
            self._poller.try_key(now)
        wish = self._desk.wish(now) if self._waiting_for is None else Wish.NONE
        self._poller.step(now, wish)

    def _end_when_empty(self, now: float) -> None:
        """End a drain: at once when nothing is in work, and no lease may still be on its way."""
        late = self._stop_by is not None and now >= self._stop_by
        if self._desk.tasks or (self._poller.asking and not late):
            return
        if self._stop_by is not None:
            self.exit = Exit(ExitCode.STOPPED, "stopped")
        else:
            self.exit = self._retire or Exit(ExitCode.CLEAN, "drained")

    def _what_is_missing(self) -> str | None:
        """Why no task is asked for, in words."""
        if not self._ready:
            return "loading"
        return self._means.tools.backend.unavailable() or self._rules.full_disk()

    # The supervisor

    def _beat(self, now: float) -> None:
        tasks = tuple(work.current(now) for work in self._desk.foremost())
        shown = tuple((task.item_id, task.stage) for task in tasks)
        if now >= self._beat_at or shown != self._shown:
            self._beat_at = now + _BEAT_S
            self._shown = shown
            self._outlet.send(Beat(tasks=tasks, waiting_for=self._waiting_for))

    def _wake_at(self, now: float) -> float:
        times = [self._beat_at]
        if self._stop_by is not None:
            times.append(self._stop_by)
        times.append(self._desk.wake_at(now))
        if not self._draining and not self._poller.asking:
            wanted = self._waiting_for is None and self._desk.wish(now) is not Wish.NONE
            times.append(self._poller.look_at if wanted else now + _BEAT_S)
        return min(times)


def _held_against(deaths: Sequence[str], unsigned: int) -> str | None:
    """Why an item is not tried again, for its owner; None where it is."""
    if len(deaths) >= _POISON_AFTER:
        return f"crashed the worker twice: {deaths[-1]}"
    if unsigned >= _LOST_PHOTO_AFTER:
        return "the photo could not be fetched: the server gave it out no more, only others"
    return None
