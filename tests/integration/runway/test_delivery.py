"""From a finished task to a file: links that die, answers that are no video."""

import errno
import threading
from unittest.mock import ANY

import pytest

from inference.backend import CancelToken
from inference.errors import Cancelled, RequestRefused, TryLater
from inference.runway import delivery
from tests.fakes.bad_server.faults import Canned, CutAnswer, Delay, Drip, Reset
from tests.fakes.runway import Look
from tests.integration.runway.sample import silent


@pytest.fixture
def deliver(backend, infer, tmp_path):
    """deliver(progress, cancel, **changes): infer and encode, in one lease."""

    def run(progress=silent, cancel=None, before=lambda: None, **changes):
        made = backend()
        finished = infer(made, **changes)
        before()
        return made.encode(finished, tmp_path / "video.mp4", progress, cancel or CancelToken())

    return run


def test_an_expired_link_is_asked_for_anew(deliver, runway):
    assert deliver(before=runway.expire_links).frames
    assert len(runway.asked("download")) == 2


def test_a_finished_task_without_a_link_is_asked_for_one(deliver, runway):
    runway.script((Look("SUCCEEDED", output=()), Look("SUCCEEDED")))
    assert deliver().frames
    assert len(runway.tasks) == 1


def test_a_finished_task_that_gets_no_link_is_kept_for_the_next_lease(deliver, runway):
    runway.script((*(Look("SUCCEEDED", output=()),) * 4, Look("SUCCEEDED")))
    with pytest.raises(TryLater, match="Runway gives no link to it"):
        deliver()
    assert deliver(lease_id="w#2").remote_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1


@pytest.mark.parametrize("kind", [Reset(), CutAnswer(200), Canned(503, b"")], ids=str)
def test_a_broken_transfer_is_repeated(deliver, runway, kind):
    runway.trouble("download", kind)
    assert deliver().frames
    assert len(runway.tasks) == 1


def test_a_store_that_stays_broken_leaves_the_paid_task_for_the_next_lease(deliver, runway):
    runway.trouble("download", Canned(503, b""), times=4)
    with pytest.raises(TryLater, match="could not be fetched: its link answers HTTP 503"):
        deliver()
    assert deliver(lease_id="w#2").remote_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1


def test_a_page_in_the_videos_place_is_asked_for_once_more(deliver, runway):
    runway.trouble("download", Canned(200, b"<html>one moment</html>", "text/html"))
    assert deliver().frames
    assert len(runway.tasks) == 1


def test_what_is_no_video_twice_is_made_again_by_the_next_lease_with_another_seed(deliver, runway):
    runway.world.page_instead_of_film = True
    with pytest.raises(TryLater, match="another lease makes it once more, with another seed"):
        deliver()
    runway.world.page_instead_of_film = False
    deliver(lease_id="w#2")
    assert [body["seed"] for body in runway.bodies] == [7, 8]


def test_two_black_videos_are_the_end_of_it(deliver, runway):
    runway.world.film_of_one_colour = True
    with pytest.raises(TryLater):
        deliver()
    with pytest.raises(RequestRefused, match=r"no usable video came out, twice: .* black"):
        deliver(lease_id="w#2")
    assert len(runway.tasks) == 2


def test_a_task_deleted_before_its_video_was_fetched_is_left_for_another_lease(deliver, runway):
    def delete():
        runway.world.tasks.remove(runway.tasks[0].task_id)

    with pytest.raises(TryLater, match="could not be fetched: its link answers HTTP 401"):
        deliver(before=delete)
    assert deliver(lease_id="w#2").frames


def test_a_video_without_end_is_not_taken(deliver, runway, monkeypatch):
    monkeypatch.setattr(delivery, "VIDEO_LIMIT_BYTES", 1000)  # 512 MB would take a while
    for lease in (1, 2):
        with pytest.raises(TryLater, match="could not be fetched: it is larger than"):
            deliver(lease_id=f"w#{lease}")
    with pytest.raises(TryLater, match=r"larger than .* another lease makes it once more"):
        deliver(lease_id="w#3")
    monkeypatch.undo()
    assert deliver(lease_id="w#4").frames
    assert len(runway.tasks) == 2


NEVER_TO_BE_HAD = {
    "its link answers HTTP 403": lambda runway: runway.trouble("download", Canned(403), 99),
    "Runway gives no link to it": lambda runway: runway.usual_script(
        (Look("SUCCEEDED", output=()),)
    ),
    "its link is not https": lambda runway: runway.usual_script(
        (Look("SUCCEEDED", output=("https://[store.example/a.mp4",)),)
    ),
}


@pytest.mark.parametrize("problem", NEVER_TO_BE_HAD)
def test_a_video_that_can_never_be_had_is_made_once_more_and_then_refused(deliver, runway, problem):
    NEVER_TO_BE_HAD[problem](runway)
    for lease in range(1, 6):
        words = f"{problem}; another lease makes it once more" if lease == 3 else f": {problem}"
        with pytest.raises(TryLater, match=words):
            deliver(lease_id=f"w#{lease}")
    with pytest.raises(RequestRefused, match=f"no usable video came out, twice: {problem}"):
        deliver(lease_id="w#6")
    assert [body["seed"] for body in runway.bodies] == [7, 8]


@pytest.mark.parametrize(
    "kind", [Reset(), CutAnswer(200), Canned(503, b""), Canned(429, b"")], ids=str
)
def test_a_store_that_has_trouble_costs_no_second_video_however_long(deliver, runway, kind):
    runway.trouble("download", kind, times=16)
    for lease in range(4):
        with pytest.raises(TryLater, match="could not be fetched"):
            deliver(lease_id=f"w#{lease}")
    assert deliver(lease_id="w#4").remote_id == runway.tasks[0].task_id
    assert len(runway.tasks) == 1


def test_a_refused_link_says_nothing_while_runway_gives_no_fresh_one(deliver, runway):
    def no_more_looks():
        runway.expire_links()
        runway.trouble("look", Canned(503, b"{}"), times=3)

    for lease in range(4):
        with pytest.raises(TryLater, match="could not be fetched: its link answers HTTP 401"):
            deliver(before=no_more_looks, lease_id=f"w#{lease}")
    assert deliver(lease_id="w#4").remote_id == runway.tasks[0].task_id


def test_a_lost_lease_ends_the_transfer_and_leaves_the_finished_task(deliver, runway, tmp_path):
    runway.trouble("download", Delay(60))
    cancel = CancelToken()
    thread = threading.Timer(0.1, cancel.cancel)
    thread.start()
    with pytest.raises(Cancelled):
        deliver(cancel=cancel)
    thread.join()
    assert runway.asked("cancel") == []
    assert deliver(lease_id="w#2").remote_id == runway.tasks[0].task_id


def test_a_transfer_that_was_given_up_stops_and_is_in_nobodys_way(deliver, runway, tmp_path):
    runway.trouble("download", Drip(bytes_per_s=20))
    cancel, heard_afterwards = CancelToken(), []

    def progress(done, total):
        if cancel.cancelled:
            heard_afterwards.append(done)
        cancel.cancel()

    with pytest.raises(Cancelled):
        deliver(progress, cancel)
    assert deliver(lease_id="w#2").frames
    assert runway.wait_for(lambda: not transfers())
    assert heard_afterwards == []
    assert [path.name for path in tmp_path.glob("video*")] == ["video.mp4"]


def transfers():
    return [thread for thread in threading.enumerate() if thread.name == "runway-call"]


def test_a_full_disk_is_the_hosts_fault_and_leaves_no_half_file(
    deliver, runway, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(delivery, "_copied", full)  # no test fills a disk
    with pytest.raises(OSError, match="No space left"):
        deliver()
    assert list(tmp_path.glob("video*")) == []


def test_progress_counts_bytes_and_then_frames(deliver, runway):
    seen = []
    video = deliver(progress=lambda *units: seen.append(units))
    assert (video.size_bytes, video.size_bytes) in seen
    assert seen[-1] == (video.frames, ANY)
