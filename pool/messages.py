"""What supervisor and child say to each other: frozen, typed, one JSON object a line.

The pipe is a socket pair. Neither side may ever block on it: a stopped supervisor must not stop its
children (see `pool.child.outbox`).
"""

import json
from typing import Literal, get_args

import msgspec

Level = Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Root of everything that crosses the pipe. Types are checked where a line is read."""

    def line(self) -> bytes:
        """The message as one line of JSON.

        A file name or a library's message may hold half a character; UTF-8 carries a "?" for it.
        """
        text = json.dumps(msgspec.to_builtins(self), ensure_ascii=False)
        return text.encode("utf-8", "replace") + b"\n"


# From the supervisor to a child


class Start(Message, frozen=True, tag="start"):
    """The first message: everything a child needs. It holds secrets and goes nowhere but here."""

    settings_json: str
    slot: str
    worker_id: str
    work_dir: str
    incarnation: int
    device_uuid: str | None
    key_accepted: bool
    """Whether the Worker API has accepted the key before: a 401 ends the child only if not."""


class Drain(Message, frozen=True, tag="drain"):
    """Take nothing new, finish what is in work, end."""


class Stop(Message, frozen=True, tag="stop"):
    """Give the leases back now and end within `within_s` seconds.

    Half of that is left to a finished video that is on its way out.
    """

    within_s: float


# From a child to its supervisor


class Loaded(Message, frozen=True, tag="loaded"):
    """The backend is ready for tasks."""


class KeyAccepted(Message, frozen=True, tag="key_accepted"):
    """The Worker API answered something other than 401."""


class Current(Message, frozen=True, tag="current"):
    """The task in work. `moved_at` and `lease_deadline` are monotonic seconds of this boot.

    `limit_s` is the silence that the stage allows; `progress` is in [0, 1]. `computing`: this
    process works on what the task brought, so that its death may be the task's doing.
    """

    item_id: str
    stage: str
    step: int
    steps: int
    progress: float
    eta_s: float | None
    lease_deadline: float
    moved_at: float
    limit_s: float
    computing: bool


class Beat(Message, frozen=True, tag="beat"):
    """A sign of life from the loop itself, once a second and at every change of stage.

    `tasks` are those in work, the one on the device first. `waiting_for` says in words why no task
    is asked for, where that is so.
    """

    tasks: tuple[Current, ...]
    waiting_for: str | None = None


class TaskEnded(Message, frozen=True, tag="task_ended"):
    """One lease is over. `stage_s` holds the seconds spent in each stage.

    `suspect`: the task may have broken this process; the supervisor remembers that of it. `photo`:
    whether it was fetched, or the lease ended because the server gave no URL for it.
    """

    item_id: str
    ending: Literal["completed", "failed", "lost", "abandoned", "released"]
    reason: str
    stage_s: dict[str, float]
    suspect: bool = False
    photo: Literal["fetched", "unsigned"] | None = None
    storage_path: str | None = None
    video_frames: int | None = None
    video_size: str | None = None


class Said(Message, frozen=True, tag="said"):
    """A log line for the supervisor's terminal, with one of loguru's levels.

    `once`: what other children say of the item in the same words need not be told again.
    """

    level: Level
    text: str
    item_id: str | None = None
    once: bool = False


class Ending(Message, frozen=True, tag="ending"):
    """The last message: why the child is about to exit, in words."""

    reason: str


ToChild = Start | Drain | Stop
ToSupervisor = Loaded | KeyAccepted | Beat | TaskEnded | Said | Ending

to_child: msgspec.json.Decoder[ToChild] = msgspec.json.Decoder(ToChild)
to_supervisor: msgspec.json.Decoder[ToSupervisor] = msgspec.json.Decoder(ToSupervisor)
"""Read one line each. Raise ValueError for a line that is no message of their direction."""
