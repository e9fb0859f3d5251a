"""The alerting process: `python -m pool.alerts.main`, its orders on stdin.

It ends when stdin does. The supervisor closes it at the pool's end and waits a moment, so that the
reason for that end can still be told; a supervisor that was killed closes it too, and then the last
look finds the pool dead. Either way the process is gone within two seconds.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from loguru import logger

from client.backoff import backoff_s
from client.session import build_session
from pool.alerts.conditions import conditions
from pool.alerts.idleness import Idleness
from pool.alerts.orders import Orders
from pool.alerts.outbox import Outbox
from pool.alerts.post import NotDelivered, Post
from pool.log import formatter
from pool.state_dir import StateDir
from pool.status.observer import Look, Observer
from pool.status.verdict import working_slots

_EVERY_S = 1.0
_WITHIN_S = 10.0
_SETTLE_WITHIN_S = 0.5
_LAST_WITHIN_S = 1.2
_GONE_WITHIN_S = 1.8


class Messenger:
    """One round a second: look, decide, send. Lives in the main thread."""

    def __init__(self, orders: Orders, look: Callable[[], Look], post: Post) -> None:
        self._orders = orders
        self._look = look
        self._post = post
        self._idleness = Idleness()
        self._outbox = Outbox(self._signed)
        self._pool = "?"
        self._failures = 0
        self._alert_at = self._ping_at = 0.0

    def step(self, now: float, within_s: float = _WITHIN_S) -> None:
        """One round at the wall-clock second `now`; blocks for as long as a request takes."""
        look = self._look()
        if look.found is not None:
            self._pool = look.found.status.pool.id
        self._idleness = self._idleness.after(look, now)
        idle_s = self._idleness.too_long_s(now, self._orders.idle_s)
        self._outbox.take(conditions(look, idle_s, self._outbox.active))
        if now >= self._alert_at:
            self._send(now, within_s)
        if self._orders.ping_url is not None and now >= self._ping_at and works(look):
            self._ping_at = now + self._orders.ping_interval_s
            self._ping(self._orders.ping_url, within_s)

    def last_step(self, now: float) -> None:
        """One round in a hurry: the pool has ended, or its supervisor is gone."""
        self._alert_at, self._ping_at = 0.0, now + 1
        self.step(now, _LAST_WITHIN_S)

    def _send(self, now: float, within_s: float) -> None:
        """Send everything that waits; after a failure, wait longer and longer."""
        while self._orders.webhook_url is not None and (text := self._outbox.next) is not None:
            try:
                self._post.alert(self._orders.webhook_url, text, within_s)
            except NotDelivered as error:
                self._failures += 1
                self._alert_at = now + backoff_s(self._failures, cap_s=300.0, jitter=0.0)
                logger.warning("{}", error)
                return
            self._failures = 0
            self._outbox.sent()

    def _ping(self, url: str, within_s: float) -> None:
        try:
            self._post.ping(url, within_s)
        except NotDelivered as error:
            logger.warning("{}", error)

    def _signed(self, words: str) -> str:
        return f"pool {self._pool} on {socket.gethostname()}: {words}"


def works(look: Look) -> bool:
    """Whether the pool does what it is there for: its supervisor lives and a slot can work."""
    if look.found is None or look.found.stale:
        return False
    status = look.found.status
    return status.pool.state in ("running", "draining") and working_slots(status) > 0


def main() -> None:
    """Tell until stdin ends. Never returns."""
    orders = Orders.model_validate_json(sys.stdin.buffer.readline())
    secrets = [url for url in (orders.webhook_url, orders.ping_url) if url is not None]
    logger.remove()
    logger.add(sys.stderr, format=formatter("text", secrets), diagnose=False)
    over = threading.Event()
    threading.Thread(target=_until_stdin_ends, args=(over,), daemon=True).start()
    observer = Observer(StateDir(Path(orders.state_dir)))
    messenger = Messenger(orders, observer.look, Post(build_session()))
    while not over.wait(_EVERY_S):
        messenger.step(time.time())
    _await_the_end(observer.look)
    messenger.last_step(time.time())
    os._exit(0)


def _await_the_end(look: Callable[[], Look]) -> None:
    """Wait until the pool shows that it has ended.

    The kernel frees a dead supervisor's lock a moment after it closed its pipe: a look in between
    sees a pool that lives.
    """
    deadline = time.monotonic() + _SETTLE_WITHIN_S
    while time.monotonic() < deadline:
        found = look().found
        if found is None or found.status.pool.state in ("dead", "stopped"):
            return
        time.sleep(0.02)


def _until_stdin_ends(over: threading.Event) -> None:
    """Runs on a thread: a request that hangs must not keep this process beyond the pool's end."""
    sys.stdin.buffer.read()
    over.set()
    time.sleep(_GONE_WITHIN_S)
    os._exit(0)


if __name__ == "__main__":
    main()
