"""Whether what came out plays, and how it is told."""

import io

import av
import pytest
from rich.console import Console

from demo.moment import TaskMoment
from demo.orders import Order
from demo.outcome import Film, Result, decoded, print_results

CAT = TaskMoment(Order("cat", "0e69a17f-1111"), "completed", None, None, None)


def printed(*results):
    console = Console(file=io.StringIO(), width=80)
    print_results(results, console)
    return console.file.getvalue()


def test_a_file_that_is_no_video_does_not_play(tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"<html>")
    with pytest.raises(av.FFmpegError):
        decoded(tmp_path / "video.mp4")


def test_a_video_is_told_with_its_seconds_frames_size_and_path_in_80_columns(tmp_path):
    film = Film(tmp_path / "cat.mp4", "h264", 25, 288, 192, 12.0)
    text = printed(Result(CAT, "cpu0", {"infer": 1.25, "upload": 0.0}, film, None))
    assert text.splitlines()[1].split() == ["cat", "cpu0", "1.2", "0.0"]
    for part in ("0e69a17f", "25", "288x192", "12 fps"):
        assert part in text
    assert str(film.path) in text.replace("\n", "").replace(" ", "")


def test_a_task_without_a_video_says_why():
    text = printed(Result(CAT, "-", {}, None, "the photo could not be read: it is torn"))
    assert "the photo could not be read" in text
