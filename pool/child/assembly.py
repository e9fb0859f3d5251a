"""Puts the parts of a child together. The one place that knows all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from client.session import build_session
from client.storage import Storage
from client.worker_api import WorkerApi
from inference.backend import Backend
from inference.registry import backend_class
from pool.child.desk import SEATS
from pool.child.disk import full_disk
from pool.child.in_work import Lanes, Means
from pool.child.lanes import Lane
from pool.child.loop import ChildLoop, LoopRules
from pool.child.news import Inbox
from pool.child.outbox import Outbox
from pool.child.poll_gate import PollGate
from pool.child.poller import Asking, Poller
from pool.child.undelivered import Undelivered
from pool.child.workbench import Tools
from pool.child_settings import ChildSettings
from pool.event_log import event_sink
from pool.lease.job import JobRules
from pool.lease.pace import Limits
from pool.lease.polling import PollRules
from pool.lease.renewal import RenewalRules
from pool.ledger import Ledger
from pool.messages import Start
from pool.state_dir import StateDir

_STORED_AT = ("videos/{}.mp4", "generated-videos/{}.mp4")
"""Where servers put a finished video; which of the two is said only when an upload is signed."""

WAN_PROVIDER = "wan_local"
"""What servers call a task for a WAN pool; older ones name no provider at all."""


@dataclass(frozen=True)
class Parts:
    """A child, put together and not yet running."""

    loop: ChildLoop
    means: Means


def assembled(
    start: Start,
    settings: ChildSettings,
    inbox: Inbox,
    outbox: Outbox,
    jitter: Callable[[], float],
) -> Parts:
    """The parts of one child. Raises `BackendUnusable` for options that cannot work."""
    tools = _tools(start, settings)
    limits = Limits(settings.stall_limits)
    means = Means(
        tools=tools,
        lanes=_lanes(),
        inbox=inbox,
        rules=JobRules(
            renewal=RenewalRules(
                length_s=settings.lease_duration_seconds,
                interval_s=settings.heartbeat_interval,
                confirmations=tools.backend.confirmations,
            ),
            limits=limits.of_remote_work() if tools.remote else limits,
        ),
        clock=time.monotonic,
    )
    poller = Poller(
        _asking(start, settings, tools),
        PollGate(StateDir(settings.state_dir).poll_gate),
        means.lanes.poll,
        inbox,
        clock=time.monotonic,
        jitter=jitter,
    )
    return Parts(ChildLoop(_rules(start, settings), means, poller, outbox, jitter), means)


def _rules(start: Start, settings: ChildSettings) -> LoopRules:
    ledger = Ledger(StateDir(settings.state_dir).ledger)
    return LoopRules(
        lease_duration_s=settings.lease_duration_seconds,
        overlap=settings.overlap,
        key_accepted=start.key_accepted,
        deaths=ledger.deaths,
        unsigned=ledger.unsigned_rounds,
        paths=lambda item_id: [path.format(item_id) for path in _STORED_AT],
        full_disk=partial(
            full_disk,
            (settings.temp_dir, settings.state_dir),
            settings.min_free_disk_bytes,
        ),
    )


def _lanes() -> Lanes:
    return Lanes(
        device=Lane("device"),
        fetch=Lane("fetch"),
        deliver=Lane("deliver"),
        poll=Lane("poll"),
        renewals=tuple(Lane(f"renewals-{seat}") for seat in range(SEATS)),
    )


def _tools(start: Start, settings: ChildSettings) -> Tools:
    state_dir = StateDir(settings.state_dir)
    session = build_session()
    queue = WorkerApi(
        settings.vercel_api_url,
        settings.worker_token,
        settings.worker_type,
        settings.api_timeout,
        session,
    )
    return Tools(
        queue=queue,
        shelf=Storage(session, api_on_loopback=queue.on_loopback),
        backend=_backend(settings),
        undelivered=Undelivered(state_dir.undelivered),
        events=event_sink(state_dir.events, start.slot, wanted=settings.event_log),
        worker_id=start.worker_id,
        work_dir=Path(start.work_dir),
        max_photo_bytes=settings.max_photo_bytes,
    )


def _backend(settings: ChildSettings) -> Backend[Any, Any]:
    return backend_class(settings.backend)(settings.backend_options)


def _asking(start: Start, settings: ChildSettings, tools: Tools) -> Asking:
    return Asking(
        queue=tools.queue,
        worker_id=start.worker_id,
        lease_duration_s=settings.lease_duration_seconds,
        rules=PollRules(
            interval_s=settings.polling_interval,
            fast_s=settings.polling_interval_fast,
            slow_s=settings.polling_interval_slow,
            fast_for_s=settings.fast_polling_duration,
        ),
        wanted=_wanted(settings),
    )


def _wanted(settings: ChildSettings) -> Callable[[str | None], bool]:
    """Which providers a task of this pool's kind may name."""
    if settings.worker_type == "wan":
        return lambda provider: provider in (None, WAN_PROVIDER)
    return lambda provider: provider != WAN_PROVIDER
