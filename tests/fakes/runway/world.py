"""What the connections of one fake Runway share."""

import io
import threading
import uuid
from dataclasses import dataclass, field

from PIL import Image

from tests.fakes.bad_server.faults import Canned, CutAnswer, Delay, Drip, Reset
from tests.fakes.canary import CANARY
from tests.fakes.runway.film import film
from tests.fakes.runway.rules import picture_in
from tests.fakes.runway.tasks import Task, Tasks

CREATE, LOOK, CANCEL, START_UPLOAD, STORE, DOWNLOAD = (
    "create",
    "look",
    "cancel",
    "start-upload",
    "store",
    "download",
)

Kind = Canned | CutAnswer | Delay | Drip | Reset


@dataclass
class Trouble:
    """A fault at one endpoint, for the next `times` calls after the first `skip` of them."""

    endpoint: str
    kind: Kind
    times: int = 1
    skip: int = 0


@dataclass(frozen=True)
class Asked:
    """One request. `at` is monotonic seconds."""

    endpoint: str
    at: float
    task_id: str = ""


@dataclass
class World:
    """What the connections share."""

    keys: set[str]
    film_size: tuple[int, int] | None
    film_s: float | None
    tasks: Tasks = field(default_factory=Tasks)
    uploads: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    dead_tokens: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    credit: float = 1_000_000
    page_instead_of_film: bool = False
    film_of_one_colour: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)
    crashes: list[BaseException] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def trouble_for(self, endpoint: str) -> Kind | None:
        """The fault that this call gets, if any."""
        with self.lock:
            for trouble in self.troubles:
                if trouble.endpoint != endpoint or not trouble.times:
                    continue
                if trouble.skip:
                    trouble.skip -= 1
                    return None
                trouble.times -= 1
                return trouble.kind
            return None

    def token(self) -> str:
        """A new secret for a link."""
        token = CANARY + uuid.uuid4().hex
        with self.lock:
            self.tokens.add(token)
        return token

    def film_of(self, task: Task) -> bytes:
        """The task's video."""
        if self.page_instead_of_film:
            return b"<html><body>try again</body></html>"
        image = task.body["promptImage"]
        photo = self.uploads.get(image) or picture_in(image)
        width, height = self.film_size or map(int, task.body["ratio"].split(":"))
        seconds = task.body["duration"] if self.film_s is None else self.film_s
        if self.film_of_one_colour:
            return film(_black(), width, height, seconds)
        return film(photo, width, height, seconds)


def _black() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (64, 48)).save(target, "PNG")
    return target.getvalue()
