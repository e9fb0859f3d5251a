"""One task's moves, carried out with a queue, a shelf and a backend that keep notes."""

import stat

import pytest

from client.wire import Task
from pool.child.fence import Fence
from pool.child.undelivered import Undelivered
from pool.child.workbench import Tools, Workbench, file_name
from pool.errors import LeaseLost
from pool.lease.moves import (
    Encode,
    Fetch,
    Infer,
    Prepare,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)
from tests.unit.pool.child.noted_tools import (
    Clock,
    NotedBackend,
    NotedEvents,
    NotedQueue,
    NotedShelf,
)

ITEM = "0b8f0c9e-2f7e-4d57-8a38-7d5d6e5c1a11"
EVERYTHING_SENT = [
    Renew(600),
    ProbeUpload(),
    Fetch(),
    Store(),
    ReportCompleted("videos/i.mp4"),
    ReportFailed("why"),
]


class Bench:
    """A workbench and everything around it."""

    def __init__(self, tmp_path, item_id=ITEM):
        self.clock = Clock()
        self.fence = Fence(600.0, self.clock)
        self.queue, self.shelf, self.backend = NotedQueue(), NotedShelf(), NotedBackend()
        self.signs = []
        self.undelivered = Undelivered(tmp_path / "undelivered")
        self.tools = Tools(
            queue=self.queue,
            shelf=self.shelf,
            backend=self.backend,
            undelivered=self.undelivered,
            events=NotedEvents(),
            worker_id="w-cpu0-1",
            work_dir=tmp_path / "work",
            max_photo_bytes=1000,
        )
        self.task = Task(item_id, None, None, "a dog", "g/p.jpg", None, 73, "wan_local", None)
        self.bench = Workbench(
            self.task,
            "w-cpu0-1#1",
            self.tools,
            self.fence,
            lambda done, total: self.signs.append((done, total)),
        )

    def do(self, *moves):
        return [self.bench.carry_out(move) for move in moves]

    def verbs(self):
        return [call[0] for call in self.queue.calls]


@pytest.fixture
def desk(tmp_path):
    return Bench(tmp_path)


def test_a_task_from_photo_to_stored_video(desk):
    said = desk.do(ProbeUpload(), Fetch(), Prepare(), Infer(), Encode(), Store())
    assert desk.shelf.stored == [b"video of clip"]
    assert said[0] == said[-1] == f"videos/{ITEM}.mp4"
    assert desk.verbs() == ["sign upload", "sign download", "sign upload"]
    assert desk.signs == [(5, 5), (1, 2)]


def test_a_tasks_files_are_nobody_elses_business(desk):
    desk.do(Fetch(), Prepare())
    [request] = desk.backend.requests
    assert stat.S_IMODE(request.photo.parent.stat().st_mode) == 0o700


def test_the_request_carries_what_the_task_says(desk):
    desk.do(Fetch(), Prepare())
    [request] = desk.backend.requests
    assert (request.item_id, request.prompt, request.frame_num) == (ITEM, "a dog", 73)
    assert request.provider == "wan_local"
    assert request.photo.read_bytes() == b"photo"


def test_the_same_task_has_the_same_seed_and_a_second_try_another(desk, tmp_path):
    desk.do(Fetch(), Prepare(), Infer(), Infer(seed_offset=1))
    again = Bench(tmp_path / "elsewhere")
    again.do(Fetch(), Prepare())
    first, second = desk.backend.requests
    assert again.backend.requests[0].seed == first.seed
    assert second.seed == first.seed + 1
    assert desk.backend.inferred == [f"prepared {first.seed}", f"prepared {second.seed}"]


def test_reports_and_renewals_name_the_item_and_the_worker(desk):
    desk.do(Renew(600), ReportCompleted("videos/x.mp4"))
    assert desk.queue.calls == [
        ("renew", ITEM, "w-cpu0-1", 600),
        ("completed", ITEM, "w-cpu0-1", "videos/x.mp4"),
    ]


@pytest.mark.parametrize("move", EVERYTHING_SENT, ids=lambda move: type(move).__name__)
def test_nothing_is_sent_past_the_deadline(desk, move):
    desk.do(Fetch(), Prepare(), Infer(), Encode())
    desk.queue.calls.clear()
    desk.clock.now = 600.0
    with pytest.raises(LeaseLost):
        desk.do(move)
    assert desk.queue.calls == []
    assert desk.shelf.stored == []


@pytest.mark.parametrize("move", EVERYTHING_SENT, ids=lambda move: type(move).__name__)
def test_nothing_is_sent_through_a_closed_fence(desk, move):
    desk.do(Fetch(), Prepare(), Infer(), Encode())
    desk.queue.calls.clear()
    desk.fence.close()
    with pytest.raises(LeaseLost):
        desk.do(move)
    assert desk.queue.calls == []


@pytest.mark.parametrize("move", [Fetch(), Store()])
def test_a_lease_lost_while_a_url_is_signed_stops_the_transfer(desk, move):
    desk.do(Fetch(), Prepare(), Infer(), Encode())
    desk.shelf.stops.clear()
    desk.queue.while_signing = desk.fence.close
    with pytest.raises(LeaseLost):
        desk.do(move)
    assert desk.shelf.stops == []


def test_every_transfer_can_be_stopped_by_the_fence(desk):
    desk.do(Fetch(), Prepare(), Infer(), Encode(), Store())
    assert desk.shelf.stops == [False, False]
    desk.fence.close()
    assert desk.fence.closed


def test_a_lease_is_given_back_through_a_closed_fence_but_not_past_its_deadline(desk):
    desk.fence.close()
    desk.do(Release())
    assert desk.queue.calls == [("renew", ITEM, "w-cpu0-1", 1)]
    desk.clock.now = 600.0
    with pytest.raises(LeaseLost):
        desk.do(Release())


def test_a_delivered_video_leaves_nothing_on_disk(desk, tmp_path):
    desk.do(Fetch(), Prepare(), Infer(), Encode())
    desk.bench.clear(delivered=True)
    desk.bench.clear(delivered=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_finished_video_outlives_its_task_until_it_is_delivered(desk, tmp_path):
    desk.do(Fetch(), Prepare(), Infer(), Encode())
    desk.bench.clear(delivered=False)
    assert list((tmp_path / "work").iterdir()) == []
    found = desk.undelivered.find(desk.task, desk.bench.name)
    assert found.path.read_bytes() == b"video of clip"


@pytest.mark.parametrize(
    "item_id",
    ["../../etc/passwd", "/abs", ".", "..", "a/b", "-rf", "né", "a" * 65, "a\\b", "CON.", " "],
)
def test_a_hostile_id_names_no_file(tmp_path, item_id):
    name = file_name(item_id)
    assert name != item_id
    assert name.isalnum()
    Bench(tmp_path, item_id).do(Fetch())
    assert [path.parent for path in tmp_path.rglob("photo")] == [tmp_path / "work" / f"{name}-1"]


def test_an_honest_id_is_its_files_name():
    assert file_name(ITEM) == ITEM


def test_different_ids_have_different_files():
    ids = ["a/b", "a\\b", "a.b", "a b", "../a"]
    assert len({file_name(item_id) for item_id in ids}) == len(ids)
