"""A backend that takes time and makes a token of a video. What it does is said by the prompt.

`refuse`: the photo is at fault. `bad once`, `bad always`: unusable frames for the first seed, for
every seed. `poison`: the inference kills its process. All else: a video.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from inference.backend import CancelToken, Progress, Request, Video
from inference.errors import BadOutput, DeviceUnfit, RequestRefused, TryLater
from inference.seed import seed_for
from tests.simulation.client import content_of
from tests.simulation.history import History
from tests.simulation.world import Process, World

_LOAD_S = 8.0
_NEVER_S = 1e9


@dataclass
class Mishaps:
    """What goes wrong next in one child, once each. `die` ends the whole process."""

    die: Callable[[str], None]
    next: list[str] = field(default_factory=list)

    def take(self, *names: str) -> str | None:
        """The first of these that is due; it is not due any more."""
        for name in self.next:
            if name in names:
                self.next.remove(name)
                return name
        return None


@dataclass(frozen=True)
class Effort:
    """How long an inference is. The first step compiles."""

    steps: int
    step_s: float
    first_step_s: float


@dataclass
class SimBackend:
    """One child's device. A `step` in the log is a step that was begun."""

    world: World
    process: Process
    history: History
    effort: Effort
    mishaps: Mishaps

    confirmations: ClassVar[int] = 1
    remote: ClassVar[bool] = False

    def load(self, progress: Progress) -> None:
        """Weights."""
        self.world.sleep(_LOAD_S * (0.5 + self.world.random.random()))
        progress(1, 1)

    def device_uuid(self) -> str | None:
        """None: no device."""
        return None

    def unavailable(self) -> str | None:
        """None: always fit."""
        return None

    def worn_out(self) -> str | None:
        """None: it lasts."""
        return None

    def prepare(self, request: Request) -> Request:
        """A moment of CPU work."""
        self.world.sleep(0.3 * self.world.random.random())
        request.photo.read_bytes()
        if request.prompt == "refuse":
            raise RequestRefused("The photo could not be read.")
        return request

    def infer(self, prepared: Request, progress: Progress, cancel: CancelToken) -> Request:
        """Steps."""
        self._log("began", prepared)
        for step in range(self.effort.steps):
            self._log("step", prepared)
            usual_s = self.effort.step_s if step else self.effort.first_step_s
            self.world.sleep(usual_s * (0.8 + 0.4 * self.world.random.random()))
            self._misbehave(prepared, step)
            cancel.check()
            progress(step + 1, self.effort.steps)
        self._log("made", prepared)
        bad_seeds = {"bad once": 1, "bad always": 2}.get(prepared.prompt, 0)
        if prepared.seed - seed_for(prepared.item_id) < bad_seeds:
            raise BadOutput("the frames are black")
        return prepared

    def encode(self, clip: Request, target: Path, progress: Progress, cancel: CancelToken) -> Video:
        """The file."""
        self.world.sleep(0.5 + self.world.random.random())
        cancel.check()
        if self.mishaps.take("disk full"):
            raise OSError(errno.ENOSPC, "No space left on device")
        body = content_of(clip.item_id, clip.seed)
        target.write_bytes(body)
        self._log("kept", clip)
        progress(1, 1)
        return Video(target, 121, 64, 64, 24.0, 5.04, len(body))

    def close(self) -> None:
        """Nothing is held."""

    def _misbehave(self, prepared: Request, step: int) -> None:
        if prepared.prompt == "poison" and step == 1:
            self.mishaps.die("killed by SIGSEGV")
        match self.mishaps.take("hang", "unfit", "later"):
            case "hang":
                self.world.sleep(_NEVER_S)
            case "unfit":
                raise DeviceUnfit("CUDA error: device-side assert triggered")
            case "later":
                raise TryLater("the device is in use elsewhere")
            case _:
                pass

    def _log(self, kind: str, prepared: Request) -> None:
        name, now = self.process.name, self.world.now
        self.history.add(now, kind, name, prepared.item_id, "infer", str(prepared.seed))
