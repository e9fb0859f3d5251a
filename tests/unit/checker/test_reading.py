import io
import json

import av
import numpy as np
import pytest

from tests.checker import Event, read_events
from tests.checker.playable import why_not_playable


def test_events_of_all_slots_are_read_by_time(tmp_path):
    lines = [
        {"t": 2.0, "pid": 1, "slot": "gpu0", "worker_id": "w", "item_id": "i", "event": "leased"},
        {
            "t": 1.0,
            "pid": 2,
            "slot": "gpu1",
            "worker_id": "v",
            "item_id": None,
            "event": "x",
            "n": 3,
        },
    ]
    for line in lines:
        (tmp_path / f"{line['slot']}.jsonl").write_text(json.dumps(line) + "\n")
    assert read_events(tmp_path) == [
        Event(1.0, 2, "gpu1", "v", "", "x"),
        Event(2.0, 1, "gpu0", "w", "i", "leased"),
    ]


def test_a_line_that_a_killed_child_left_half_written_is_passed_over(tmp_path):
    (tmp_path / "gpu0.jsonl").write_text('{"t": 1.0, "pid"')
    assert read_events(tmp_path) == []


def test_no_folder_means_no_events(tmp_path):
    assert read_events(tmp_path / "none") == []


@pytest.fixture(scope="module")
def video():
    target = io.BytesIO()
    with av.open(target, mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(9):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


def test_a_video_plays(video):
    assert why_not_playable(video) is None


@pytest.mark.parametrize("damage", [lambda v: b"", lambda v: v[: len(v) // 2], lambda v: b"<html>"])
def test_what_is_no_whole_video_does_not(video, damage):
    assert why_not_playable(damage(video)) is not None
