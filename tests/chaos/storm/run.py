"""One storm, from its plan to its verdict."""

import contextlib
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos.storm.field import GIVES_UP_S, PHOTO, STORAGE, Field
from tests.chaos.storm.judgement import Judgement, judge, shown_secrets
from tests.chaos.storm.mischief import ACTS
from tests.chaos.storm.pools import Birth, StormPool
from tests.chaos.storm.schedule import Storm, Trouble
from tests.chaos.storm.video import write_video
from tests.fakes.bad_server import launched
from tests.fakes.fault_proxy import FaultProxy, Weather

STEP_S = 0.02
UP_WITHIN_S = 60.0
SETTLE_S = 120.0
"""How long no task may come to an end, once the wind has dropped, before it is said to be lost."""
END_WITHIN_S = 60.0
INFER_S = 0.2
STALLED_S = 15.0
POOL_SETTINGS = {
    "backend": "tests.chaos.storm.backend:ReadyMade",
    "event_log": True,
    "lease_duration_seconds": 6,
    "heartbeat_interval": 1.5,
    "polling_interval": 0.3,
    "api_timeout": GIVES_UP_S,
    # Longer than any process is stopped for, and short enough for many hangs in a storm.
    "stall_limits": dict.fromkeys(("first_step", "infer", "step_floor"), STALLED_S),
}


@dataclass(frozen=True)
class Progress:
    """How far a storm is, for whoever watches it. Seconds since its beginning."""

    at_s: float
    completed: int
    failed: int
    open: int
    troubles: int
    children: int


@dataclass(frozen=True)
class Result:
    """What came of a storm. `folder` holds everything that its pools and its server wrote.

    `missed` counts the troubles that found nobody to hit.
    """

    storm: Storm
    folder: Path
    judgement: Judgement
    troubles: Counter[str]
    missed: int
    starts: int
    ends: Counter[str]


class Blower:
    """Lets a storm blow over a field. Lives in one thread."""

    def __init__(self, storm: Storm, field: Field, tell: Callable[[Progress], None]) -> None:
        self.done: Counter[str] = Counter()
        self.missed = 0
        self._storm = storm
        self._field = field
        self._tell = tell
        self._began = time.monotonic()
        self._told = 0

    def run(self) -> None:
        """Wait for the pools, blow, calm down, and wait for the tasks to end."""
        self._until(self._all_up, UP_WITHIN_S)
        agenda, began = self._field.agenda, time.monotonic()
        self._began, self._told = began, 0
        for trouble in self._storm.troubles():
            agenda.at(began + trouble.at_s, lambda trouble=trouble: self._happen(trouble))
        for at_s in self._storm.arrivals():
            agenda.at(began + at_s, self._arrive)
        self._until(lambda: False, self._storm.length_s)
        self._calm()
        before = None
        while (still_open := self._open()) not in (0, before):
            before = still_open
            self._until(partial(self._fewer_open_than, still_open), SETTLE_S)

    def _until(self, over: Callable[[], bool], within_s: float) -> None:
        until = time.monotonic() + within_s
        while (now := time.monotonic()) < until:
            self._field.agenda.step(now)
            for pool in self._field.pools:
                pool.step(now)
            if int(now - self._began) > self._told:
                self._told = int(now - self._began)
                self._tell(self._progress(now))
                if over():
                    return
            time.sleep(STEP_S)

    def _happen(self, trouble: Trouble) -> None:
        now = time.monotonic()
        whom = ACTS[trouble.kind](self._field, trouble, now)
        if whom is None:
            self.missed += 1
        else:
            self.done[trouble.kind] += 1
        self._field.diary.append(f"{now:.3f} {trouble.kind}: {whom}, {trouble.lasts_s:.1f} s")

    def _arrive(self) -> None:
        self._field.server.add_task(PHOTO, "ok")

    def _calm(self) -> None:
        self._field.agenda.bring_forward()
        self._field.server.set_faults()
        for way in self._field.ways.values():
            way.weather = Weather()

    def _all_up(self) -> bool:
        return all(pool.is_up() for pool in self._field.pools)

    def _open(self) -> int:
        return self._progress(time.monotonic()).open

    def _fewer_open_than(self, count: int) -> bool:
        return self._open() < count

    def _progress(self, now: float) -> Progress:
        states = Counter(item.status for item in self._field.server.items())
        return Progress(
            at_s=now - self._began,
            completed=states["completed"],
            failed=states["failed"],
            open=states["pending"] + states["processing"],
            troubles=self.done.total(),
            children=sum(len(pool.children()) for pool in self._field.pools),
        )


def blow(storm: Storm, tell: Callable[[Progress], None]) -> Result:
    """Run a storm to its end and judge it. Blocks for as long as that takes."""
    folder = Path(tempfile.mkdtemp(prefix="storm-"))
    with _field(storm, folder) as field:
        blower = Blower(storm, field, tell)
        try:
            blower.run()
            shown = shown_secrets(field)
            for pool in field.pools:
                pool.end(END_WITHIN_S)
        finally:
            for pool in field.pools:
                pool.kill()
            (folder / "troubles.txt").write_text("\n".join(field.diary) + "\n")
        judgement = judge(field, shown)
    return Result(
        storm,
        folder,
        judgement,
        blower.done,
        blower.missed,
        sum(pool.starts for pool in field.pools),
        sum((pool.ends for pool in field.pools), Counter()),
    )


@contextlib.contextmanager
def _field(storm: Storm, folder: Path) -> Iterator[Field]:
    video = write_video(folder / "video.mp4")
    options = {"video": str(video), "infer_s": INFER_S}
    names = [f"pool{number}" for number in range(storm.pools)]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(launched(_made(folder / "server")))
        url = urlsplit(server.url)
        target = (str(url.hostname), int(url.port or 0))
        ways = {name: stack.enter_context(FaultProxy(target)) for name in (*names, STORAGE)}
        server.admin.set_storage_origin(ways[STORAGE].url)
        births = [
            Birth(
                name=name,
                folder=_made(folder / name),
                url=ways[name].url,
                key=server.key,
                children=storm.children,
                mark=uuid.uuid4().hex,
                settings={**POOL_SETTINGS, "worker_id": name, "backend_options": options},
            )
            for name in names
        ]
        yield Field(server.admin, ways, [StormPool(birth) for birth in births])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
