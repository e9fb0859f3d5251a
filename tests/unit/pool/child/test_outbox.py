"""The child's end of the pipe, on a pipe that takes only so much."""

import json
import socket

from pool.child.outbox import Outbox
from pool.messages import Beat, Ending, KeyAccepted, Loaded, Said, TaskEnded


class NarrowPipe:
    """Takes `room` bytes and then says that it would block; `error` comes instead, if set."""

    def __init__(self, room):
        self.room = room
        self.taken = b""
        self.error = None

    def send(self, data, flags):
        assert flags & socket.MSG_DONTWAIT
        if self.error is not None:
            raise self.error
        if self.room == 0:
            raise BlockingIOError
        piece = bytes(data[: self.room])
        self.taken += piece
        self.room -= len(piece)
        return len(piece)

    def kinds(self):
        return [json.loads(line)["kind"] for line in self.taken.splitlines()]


def outbox(room=10**9):
    pipe = NarrowPipe(room)
    return Outbox(pipe), pipe


def task_ended(number):
    return TaskEnded(item_id=f"item-{number}", ending="completed", reason="", stage_s={})


def test_a_message_leaves_at_once_where_there_is_room():
    box, pipe = outbox()
    box.send(Loaded())
    assert pipe.kinds() == ["loaded"]


def test_a_full_pipe_costs_beats_and_log_lines_and_nothing_else():
    box, pipe = outbox(room=5)
    kept = [Loaded(), KeyAccepted(), task_ended(1), task_ended(2), Ending(reason="over")]
    for message in kept:
        box.send(message)
        box.send(Beat(tasks=()))
        box.send(Said(level="INFO", text="a line"))
    pipe.room = 10**9
    box.flush()
    assert pipe.kinds() == ["loaded", "key_accepted", "task_ended", "task_ended", "ending"]


def test_beats_flow_again_once_there_is_room():
    box, pipe = outbox(room=0)
    box.send(Loaded())
    box.send(Beat(tasks=()))
    pipe.room = 10**9
    box.send(Beat(tasks=()))
    assert pipe.kinds() == ["loaded", "beat"]


def test_a_line_that_was_cut_is_finished_first():
    box, pipe = outbox(room=3)
    box.send(task_ended(1))
    for _ in range(200):
        pipe.room = 3
        box.flush()
    assert pipe.kinds() == ["task_ended"]


def test_what_waits_is_bounded_and_the_newest_is_kept():
    box, pipe = outbox(room=0)
    for number in range(5000):
        box.send(task_ended(number))
    pipe.room = 10**9
    box.flush()
    items = [json.loads(line)["item_id"] for line in pipe.taken.splitlines()]
    assert len(items) <= 1001
    assert items[-1] == "item-4999"


def test_a_supervisor_that_is_gone_stops_nothing():
    for error in (BrokenPipeError(), ConnectionResetError()):
        box, pipe = outbox()
        pipe.error = error
        box.send(Loaded())
        box.send(Beat(tasks=()))
