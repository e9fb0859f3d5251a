"""Whole pools: real processes, signals and sockets, against a server with the real one's bugs."""

import pytest

from tests.checker.judged_pools import JudgedPools
from tests.fakes.bad_server import BadServer, NewTask
from tests.fakes.running_pool import wait_until

PHOTO = b"a photo, as far as a quick backend cares"


@pytest.fixture
def server():
    with BadServer() as running:
        yield running


@pytest.fixture
def add(server):
    """Adds a task with this prompt; its id."""

    def task(prompt="ok", **more):
        return server.add_task(PHOTO, prompt, NewTask(**more))

    return task


@pytest.fixture
def pools(server, tmp_path):
    """The pools of this test; at its end they are ended and judged."""
    with JudgedPools(tmp_path, server.url, server.key, server) as judged:
        yield judged


@pytest.fixture
def start(pools):
    """Starts a pool against the server."""
    return pools.start


@pytest.fixture
def expect(pools):
    """Says what this test means to happen other than that every task is completed."""
    return pools.expect


class Watch:
    """What a test waits for and counts, seen from the server."""

    def __init__(self, server):
        self._server = server

    def status_of(self, *items):
        return [self._server.item(item).status for item in items]

    def until_all(self, items, status="completed", within_s=90.0):
        wait_until(
            lambda: set(self.status_of(*items)) == {status},
            f"every item {status}; they are {self.status_of(*items)}",
            within_s,
        )

    def sent(self, endpoint=None, item=None, worker=None):
        return [
            entry
            for entry in self._server.entries(endpoint)
            if item in (None, entry.item_id) and worker in (None, entry.worker_id)
        ]

    def leases(self, item=None):
        """The leases that were given, of one item or of all."""
        return [
            entry.effect
            for entry in self._server.entries("next-task")
            if entry.effect is not None and item in (None, entry.effect.item_id)
        ]

    def until_leased(self, *items, within_s=30.0):
        wait_until(
            lambda: {lease.item_id for lease in self.leases()} >= set(items),
            f"leases of {items}",
            within_s,
        )


@pytest.fixture
def watch(server):
    return Watch(server)


@pytest.fixture
def until_stage():
    """Waits until some slot works on this stage; that slot's status."""

    def wait(pool, stage, item=None, within_s=30.0):
        def found():
            for slot in pool.slots():
                current = slot["current"]
                if current and current["stage"] == stage and item in (None, current["item_id"]):
                    return slot
            return None

        return wait_until(found, f"the stage {stage}", within_s)

    return wait
