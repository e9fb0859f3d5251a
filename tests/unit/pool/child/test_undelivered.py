"""A finished video waits for its task, and serves no other."""

import os
import stat
import time
from dataclasses import replace

import pytest

from client.wire import Task
from inference.backend import Video
from pool.child.undelivered import Undelivered

TASK = Task("item-1", None, None, "a dog", "g/p.jpg", None, 73, "wan_local", None)


@pytest.fixture
def shelf(tmp_path):
    return Undelivered(tmp_path / "undelivered")


@pytest.fixture
def kept(shelf, tmp_path):
    made = tmp_path / "video.mp4"
    made.write_bytes(b"video")
    return shelf.keep(TASK, "item-1", Video(made, 73, 1280, 704, 24.0, 3.04, 5, "remote-1"))


def test_a_kept_video_is_found_again_with_everything_that_is_known_of_it(shelf, kept, tmp_path):
    assert not (tmp_path / "video.mp4").exists()
    assert shelf.find(TASK, "item-1") == kept
    assert kept.path.read_bytes() == b"video"
    assert kept.remote_id == "remote-1"


@pytest.mark.parametrize(
    "changed",
    [
        {"prompt": "a cat"},
        {"photo_storage_path": "g/other.jpg"},
        {"frame_num": 121},
        {"inference_provider": None},
        {"item_id": "item-2"},
    ],
)
@pytest.mark.usefixtures("kept")
def test_a_task_that_asks_for_something_else_is_made_anew(shelf, changed):
    assert shelf.find(replace(TASK, **changed), "item-1") is None


@pytest.mark.usefixtures("kept")
def test_what_does_not_matter_to_the_video_may_change(shelf):
    assert shelf.find(replace(TASK, group_id="another", leased_until=None), "item-1")


@pytest.mark.parametrize("label", [b"", b"{", b"null", b"{}", b"\xff", b'{"video": {}}'])
def test_a_torn_label_finds_nothing(shelf, kept, label):
    kept.path.with_suffix(".json").write_bytes(label)
    assert shelf.find(TASK, "item-1") is None


def test_a_torn_video_is_not_delivered(shelf, kept):
    kept.path.write_bytes(b"vid")
    assert shelf.find(TASK, "item-1") is None


def test_nothing_is_found_where_nothing_was_kept(shelf):
    assert shelf.find(TASK, "item-1") is None


def test_a_dropped_video_is_gone(shelf, kept):
    shelf.drop("item-1")
    shelf.drop("item-1")
    assert list(kept.path.parent.iterdir()) == []


def test_dropping_one_video_leaves_the_others(shelf, kept, tmp_path):
    made = tmp_path / "other.mp4"
    made.write_bytes(b"other")
    other = replace(TASK, item_id="item-2")
    shelf.keep(other, "item-2", Video(made, 73, 1280, 704, 24.0, 3.04, 5))
    shelf.drop("item-2")
    assert shelf.find(TASK, "item-1") == kept


def test_a_video_without_its_label_was_not_finished(shelf, kept):
    kept.path.with_suffix(".json").unlink()
    assert shelf.find(TASK, "item-1") is None


def test_a_video_that_is_made_again_takes_the_place_of_the_former(shelf, kept, tmp_path):
    made = tmp_path / "again.mp4"
    made.write_bytes(b"made again")
    again = shelf.keep(TASK, "item-1", Video(made, 73, 1280, 704, 24.0, 3.04, 10))
    assert shelf.find(TASK, "item-1") == again
    assert kept.path.read_bytes() == b"made again"


@pytest.mark.parametrize(("age_days", "names"), [(2, ["item-1", "item-2"]), (4, ["item-2"])])
def test_videos_of_three_days_ago_belong_to_nobody(shelf, kept, tmp_path, age_days, names):
    long_ago = time.time() - age_days * 86_400
    for file in kept.path.parent.iterdir():
        os.utime(file, (long_ago, long_ago))
    made = tmp_path / "other.mp4"
    made.write_bytes(b"other")
    shelf.keep(replace(TASK, item_id="item-2"), "item-2", Video(made, 73, 48, 32, 24.0, 3.04, 5))
    assert sorted(path.stem for path in kept.path.parent.glob("*.mp4")) == names


def test_what_a_sibling_takes_away_meanwhile_harms_nothing(shelf, kept, tmp_path):
    # A link to nothing is what a listed file looks like once its owner has dropped it.
    (kept.path.parent / "gone.mp4").symlink_to(tmp_path / "nowhere")
    made = tmp_path / "other.mp4"
    made.write_bytes(b"other")
    task = replace(TASK, item_id="item-2")
    video = shelf.keep(task, "item-2", Video(made, 73, 48, 32, 24.0, 3.04, 5))
    assert shelf.find(task, "item-2") == video


def test_the_videos_are_for_their_owner_alone(kept):
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700
