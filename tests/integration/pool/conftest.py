"""Whole pools: real processes, signals and sockets, against a server with the real one's bugs."""

import itertools

import pytest

from tests.checker import check, find_secrets, gather_leftovers, read_events
from tests.fakes.bad_server import BadServer, NewTask
from tests.fakes.running_pool import RunningPool, wait_until

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
def start(server, tmp_path):
    """Starts a pool against the server; it is gone at the test's end, and so are its children."""
    numbers = itertools.count()
    pools = []

    def pool(*flags, folder=None, key=server.key, environ=None, **settings):
        folder = folder or tmp_path / f"pool{next(numbers)}"
        settings = {"event_log": True, **settings}
        made = RunningPool(folder, server.url, key, *flags, environ=environ, **settings)
        pools.append(made)
        return made

    yield pool
    for made in pools:
        made.__exit__()


class Watch:
    """What a test waits for and counts, seen from the server."""

    def __init__(self, server):
        self._server = server

    def status_of(self, *items):
        return [self._server.item(item).status for item in items]

    def until_all(self, items, status="completed", within_s=40.0):
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


@pytest.fixture
def no_rule_is_broken(server):
    """Checks everything that must hold at the end of a run."""

    def look(pool, pids=(), expect=None):
        events = read_events(pool.folder / "state" / "events")
        broken = check(server.entries(), server, events, expect)
        assert broken == [], "\n".join(map(str, broken))
        left = gather_leftovers(pids, pool.folder / "state", pool.folder / "temp")
        assert (left.processes, left.locks, left.files) == ((), (), ())
        assert find_secrets(server.secrets(), [pool.folder]) == []

    return look
