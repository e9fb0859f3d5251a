"""The log file: what it keeps, and that it never stands in the way."""

import os
from pathlib import Path

import pytest

from pool.log_file import LogFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pool.log"


def test_lines_are_appended_to_what_an_earlier_process_wrote(path):
    path.write_text("before\n")
    LogFile(path).write("빛\n")
    assert path.read_text() == "before\n빛\n"


def test_a_full_file_is_numbered_and_the_oldest_goes(path):
    log = LogFile(path, largest_bytes=8, kept=2)
    for word in ("first", "second", "third", "fourth"):
        log.write(f"{word}\n")
    assert [path.with_name(f"pool.log{end}").read_text() for end in ("", ".1", ".2")] == [
        "fourth\n",
        "third\n",
        "second\n",
    ]
    assert not path.with_name("pool.log.3").exists()


def test_a_full_disk_costs_the_lines_and_is_said_once(capsys):
    log = LogFile(Path("/dev/full"))
    for _ in range(3):
        log.write("a line\n")
    said = capsys.readouterr().err
    assert said == "/dev/full cannot be written (No space left on device); the work goes on\n"


def test_a_disk_that_has_room_again_has_whole_lines(path, capsys):
    path.mkdir()
    log = LogFile(path)
    log.write("lost\n")
    path.rmdir()
    log.write("kept\n")
    assert path.read_text() == "kept\n"
    log.close()
    path.unlink()
    path.mkdir()
    log.write("lost\n")
    assert capsys.readouterr().err.count("cannot be written (Is a directory)") == 2


def test_a_line_for_which_there_is_half_the_room_is_not_there_at_all(path, monkeypatch):
    room = [4, OSError(28, "No space left on device")]

    def write(fd, data):
        step = room.pop(0)
        if isinstance(step, OSError):
            raise step
        return real(fd, data[:step])

    log, real = LogFile(path), os.write
    log.write("whole\n")
    with monkeypatch.context() as disk:  # a disk that fills up in the middle of a write
        disk.setattr(os, "write", write)
        log.write("half a line\n")
    log.write("whole again\n")
    assert path.read_text() == "whole\nwhole again\n"
