"""What supervisor and child say to each other: frozen, typed, one JSON object a line.

The pipe is a socket pair. Neither side may ever block on it: a stopped supervisor must not stop its
children (see `pool.child.outbox`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter


def _sendable(text: object) -> object:
    """Text as UTF-8 can carry it: a file name or a library's message may hold half a character."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_sendable)]
"""What comes from outside: a reason, a log line."""


class Message(BaseModel):
    """Root of everything that crosses the pipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    def line(self) -> bytes:
        """The message as one line of JSON."""
        return self.model_dump_json().encode() + b"\n"


# From the supervisor to a child


class Start(Message):
    """The first message: everything a child needs. It holds secrets and goes nowhere but here."""

    kind: Literal["start"] = "start"
    settings_json: str
    slot: str
    worker_id: str
    work_dir: str
    incarnation: int
    device_uuid: str | None
    key_accepted: bool
    """Whether the Worker API has accepted the key before: a 401 ends the child only if not."""


class Drain(Message):
    """Take nothing new, finish what is in work, end."""

    kind: Literal["drain"] = "drain"


class Stop(Message):
    """Give the leases back now and end within `within_s` seconds.

    Half of that is left to a finished video that is on its way out.
    """

    kind: Literal["stop"] = "stop"
    within_s: float


# From a child to its supervisor


class Loaded(Message):
    """The backend is ready for tasks."""

    kind: Literal["loaded"] = "loaded"


class KeyAccepted(Message):
    """The Worker API answered something other than 401."""

    kind: Literal["key_accepted"] = "key_accepted"


class Current(Message):
    """The task in work. `moved_at` and `lease_deadline` are monotonic seconds of this boot.

    `limit_s` is the silence that the stage allows; `progress` is in [0, 1].
    """

    kind: Literal["current"] = "current"
    item_id: str
    stage: str
    step: int
    steps: int
    progress: float
    eta_s: float | None
    lease_deadline: float
    moved_at: float
    limit_s: float


class Beat(Message):
    """A sign of life from the loop itself, once a second and at every change of stage.

    `tasks` are those in work, the one on the device first. `waiting_for` says in words why no task
    is asked for, where that is so.
    """

    kind: Literal["beat"] = "beat"
    tasks: tuple[Current, ...]
    waiting_for: str | None = None


class TaskEnded(Message):
    """One lease is over. `stage_s` holds the seconds spent in each stage.

    `suspect`: the task may have broken this process; the supervisor remembers that of it.
    """

    kind: Literal["task_ended"] = "task_ended"
    item_id: str
    ending: Literal["completed", "failed", "lost", "abandoned", "released"]
    reason: Text
    stage_s: dict[str, float]
    suspect: bool = False
    storage_path: str | None = None
    video_frames: int | None = None
    video_size: str | None = None


class Said(Message):
    """A log line for the supervisor's terminal, with one of loguru's levels."""

    kind: Literal["said"] = "said"
    level: str = Field(pattern=r"^(TRACE|DEBUG|INFO|SUCCESS|WARNING|ERROR|CRITICAL)$")
    text: Text
    item_id: str | None = None


class Ending(Message):
    """The last message: why the child is about to exit, in words."""

    kind: Literal["ending"] = "ending"
    reason: Text


ToChild = Annotated[Start | Drain | Stop, Field(discriminator="kind")]
ToSupervisor = Annotated[
    Loaded | KeyAccepted | Beat | TaskEnded | Said | Ending, Field(discriminator="kind")
]

to_child: TypeAdapter[ToChild] = TypeAdapter(ToChild)
to_supervisor: TypeAdapter[ToSupervisor] = TypeAdapter(ToSupervisor)
