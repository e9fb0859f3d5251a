"""MP4 files, written and judged by the real libraries."""

import resource
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from inference.backend import CancelToken
from inference.errors import BadOutput, Cancelled
from inference.mp4 import Clip, Style, write_mp4
from inference.video import read_back
from tests.integration.inference.sample import silent

STYLE = Style(crf=18, preset="veryfast")


def moving(frames=9, height=64, width=96) -> np.ndarray:
    """A bright square that wanders over a gradient."""
    x = np.linspace(0, 200, width, dtype=np.uint8)
    pixels = np.broadcast_to(x[None, None, :, None], (frames, height, width, 3)).copy()
    for number in range(frames):
        pixels[number, 8:24, 4 * number : 4 * number + 16] = (240, 60, 20)
    return pixels


def write(target: Path, frames=None, fps=24, progress=silent, cancel=None):
    clip = Clip(moving() if frames is None else frames, fps)
    return write_mp4(clip, target, STYLE, progress, cancel or CancelToken())


def boxes(path: Path) -> list[bytes]:
    """The kinds of the file's outermost boxes, in order."""
    data, kinds, at = path.read_bytes(), [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        kinds.append(kind)
        at += size
    return kinds


def test_the_file_is_what_every_player_takes(tmp_path):
    path = tmp_path / "video.mp4"
    write(path)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.colorspace == Colorspace.ITU709
        assert context.color_primaries == ColorPrimaries.BT709
        assert context.color_trc == ColorTrc.BT709
        assert context.color_range == ColorRange.MPEG


def test_the_index_comes_before_the_pictures(tmp_path):
    path = tmp_path / "video.mp4"
    write(path)
    kinds = boxes(path)
    assert kinds.index(b"moov") < kinds.index(b"mdat")


@pytest.mark.parametrize("fps", [16, 24, 30])
def test_what_is_reported_is_what_the_file_holds(tmp_path, fps):
    path = tmp_path / "video.mp4"
    video = write(path, moving(frames=17), fps=fps)
    assert (video.path, video.frames, video.width, video.height) == (path, 17, 96, 64)
    assert (video.fps, video.duration_s) == (fps, 17 / fps)
    assert video.size_bytes == path.stat().st_size
    assert read_back(path) == video


@pytest.mark.parametrize("colour", [(200, 30, 60), (20, 180, 40), (30, 60, 220), (255, 255, 255)])
def test_colours_are_shown_as_they_were_made(tmp_path, colour):
    frames = np.zeros((5, 64, 96, 3), np.uint8)
    frames[:, :, 32:] = colour
    path = tmp_path / "video.mp4"
    write(path, frames)
    with av.open(str(path)) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb24")[32, 64]
    assert np.abs(shown.astype(int) - colour).max() <= 4


def test_progress_counts_every_frame_written_and_read(tmp_path):
    seen = []
    write(tmp_path / "video.mp4", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 18) for done in range(1, 19)]


@pytest.mark.parametrize("last", [1, 8, 9, 12, 17])
def test_a_cancel_stops_at_the_next_frame_and_leaves_nothing(tmp_path, last):
    cancel, seen = CancelToken(), []

    def progress(done, total):
        seen.append(done)
        if done == last:
            cancel.cancel()

    with pytest.raises(Cancelled):
        write(tmp_path / "video.mp4", progress=progress, cancel=cancel)
    assert seen[-1] == last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "words"), [(0, "9 of 9 frames are black"), (127, "9 of 9 frames are a single colour")]
)
def test_a_video_of_nothing_is_refused_and_leaves_nothing(tmp_path, value, words):
    with pytest.raises(BadOutput, match=words):
        write(tmp_path / "video.mp4", np.full((9, 64, 96, 3), value, np.uint8))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def largest_file(size_bytes: int):
    """A disk that takes no more than so many bytes of any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_oserror_and_leaves_what_was_there(tmp_path):
    target = tmp_path / "video.mp4"
    target.write_bytes(b"an older video")
    noise = np.random.default_rng(1).integers(0, 255, (30, 128, 128, 3), dtype=np.uint8)
    with pytest.raises(OSError, match="File too large"), largest_file(100_000):
        write(target, noise)
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"an older video"


@pytest.mark.parametrize(
    "data", [b"", b"<!doctype html><html></html>", b'{"error": "expired"}', bytes(5000)]
)
def test_what_is_no_video_is_refused(tmp_path, data):
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    with pytest.raises(BadOutput, match="the file does not play"):
        read_back(path)


@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_a_video_cut_short_is_refused(tmp_path, part):
    path = tmp_path / "video.mp4"
    write(path, moving(frames=33))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BadOutput, match="the file"):
        read_back(path)


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 48_000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(BadOutput, match="holds no video"):
        read_back(path)


def test_a_video_that_others_made_in_another_format_is_read(tmp_path):
    path = tmp_path / "other.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv444p"
        for pixels in moving(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    video = read_back(path)
    assert (video.frames, video.width, video.height, video.fps) == (12, 96, 64, 30)


def test_judging_a_file_needs_no_numpy(tmp_path):
    path = tmp_path / "video.mp4"
    write(path)
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        "from pathlib import Path\n"
        "from inference.video import read_back\n"
        "assert read_back(Path(sys.argv[1])).frames == 9"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)


def test_a_file_that_is_not_there_is_the_disks_fault(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_back(tmp_path / "missing.mp4")
