"""The Runway backend: what the pool's child calls. Importing it loads no picture or video code."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from loguru import logger

from inference.backend import Backend, CancelToken, Progress, Request, Video
from inference.errors import BackendUnusable, TryLater
from inference.runway.api import CALL_S, RunwayApi
from inference.runway.attempts import Resume
from inference.runway.clock import Clock, SystemClock
from inference.runway.in_flight import InFlight
from inference.runway.journal import Journal
from inference.runway.models import length_for
from inference.runway.settings import RunwaySettings, default_model, parse
from inference.runway.spending import Caps, Today
from inference.runway.turn import Turn
from inference.runway.watch import Watching

if TYPE_CHECKING:
    from inference.runway.errand import Finished, Means
    from inference.runway.prepared import Prepared


class RunwayBackend(Backend["Prepared", "Finished"]):
    """One organization's Runway account, shared with the other children through `journal_dir`.

    `options` are the keys of `inference.runway.settings.RunwaySettings`. `prepare` and `encode`
    may run beside `infer`, on other threads.
    """

    confirmations: ClassVar[int] = 2
    remote: ClassVar[bool] = True

    def __init__(
        self,
        options: Mapping[str, object],
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
        call_s: float = CALL_S,
    ) -> None:
        self._settings: RunwaySettings = parse(options)
        settings, clock = self._settings, clock or SystemClock()
        self._watching = Watching(settings.poll_interval_s, settings.timeout_s, clock, jitter)
        self._api = RunwayApi(settings, call_s)
        self._in_flight = InFlight(settings.journal_dir, settings.max_in_flight)
        self._pictures = Turn(settings.journal_dir / "pictures.lock", clock)
        caps = Caps(settings.daily_cap_usd, settings.daily_cap_videos)
        self._journal = Journal(settings.journal_dir, caps, clock.wall)
        model = default_model(settings)
        self._usual_usd = model.price_usd(length_for(None, model))

    def load(self, progress: Progress) -> None:
        """Open the journal and show Runway the key; a Runway that cannot be reached may come back.

        Raises `BackendUnusable` for a folder that cannot be written and for a key that is refused.
        """
        progress(0, 2)
        try:
            self._journal.create()
        except TryLater as error:
            raise BackendUnusable(str(error)) from error
        progress(1, 2)
        if self._api.key_refused():
            raise BackendUnusable("Runway refuses the key (401): check RUNWAY_API_KEY")
        logger.info("Runway today, from the journal: {}", self._journal.today())
        progress(2, 2)

    def device_uuid(self) -> None:
        """None: the work is done elsewhere."""
        return None  # noqa: RET501 -- the Backend's answer, written out

    def unavailable(self) -> str | None:
        """Why no new task should be taken: a cap, a pause, or no free place; None to go on."""
        try:
            return self._journal.closed(self._usual_usd) or self._in_flight.full()
        except TryLater as error:
            return str(error)
        except OSError as error:
            return f"{self._settings.journal_dir}: {error.strerror}"

    def worn_out(self) -> None:
        """None: nothing here wears out."""
        return None  # noqa: RET501 -- likewise

    def today(self) -> Today:
        """What this UTC day has cost so far, by estimate. Quick; any thread. Raises `TryLater`."""
        return self._journal.today()

    def taken_up(self, prepared: "Prepared") -> str | None:
        """The Runway task that `infer` would go on with; None: there is none. Raises `TryLater`."""
        step = self._journal.step(prepared.order)
        return step.task_id if isinstance(step, Resume) else None

    def prepare(self, request: Request) -> "Prepared":
        """Decide everything that needs no network, and read the photo. Raises `RequestRefused`."""
        from inference.runway.prepared import prepare

        with self._pictures.taken():
            prepared = prepare(request, self._settings)
        for note in prepared.notes:
            logger.bind(item_id=request.item_id).warning("{}", note)
        return prepared

    def infer(self, prepared: "Prepared", progress: Progress, cancel: CancelToken) -> "Finished":
        """Make the video at Runway, or go on with one that is being made there.

        Progress is in thousandths, from Runway's own word. At most one paid create per lease; once
        cancelled, the Runway task is cancelled too, within seconds. Raises `RequestRefused`,
        `TryLater` and `Cancelled`.
        """
        from inference.runway.errand import Errand

        return Errand(self._means(), prepared, progress, cancel).run()

    def encode(
        self, clip: "Finished", target: Path, progress: Progress, cancel: CancelToken
    ) -> Video:
        """Fetch the video and check it: see `inference.runway.delivery.delivered`."""
        from inference.runway.delivery import delivered

        return delivered(self._means(), clip, target, progress, cancel)

    def close(self) -> None:
        """Nothing is held between two calls."""

    def _means(self) -> "Means":
        from inference.runway.errand import Means

        return Means(self._api, self._journal, self._in_flight, self._watching)
