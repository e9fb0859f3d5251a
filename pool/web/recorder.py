"""One look at the pool a second, shared by every request."""

import threading
import time
from dataclasses import asdict

from pool.state_dir import StateDir
from pool.status.observer import Look, Observer
from pool.web.charts import chart_data
from pool.web.history import History, Sample
from pool.web.metrics import Metrics
from pool.web.restarts import RestartLog

_EVERY_S = 1.0


class Recorder:
    """Looks, samples and remembers, on a thread of its own; requests read under its lock."""

    def __init__(self, state_dir: StateDir) -> None:
        self._lock = threading.Lock()
        self._observer = Observer(state_dir)
        self._history = History(state_dir.history)
        self._restarts = RestartLog()
        self._metrics = Metrics()
        self._look = Look(None, None)
        self._stopped = threading.Event()
        self.step(time.time())

    def start(self) -> None:
        """Begin to look once a second."""
        threading.Thread(target=self._run, name="recorder", daemon=True).start()

    def step(self, now: float) -> None:
        """Look at the wall-clock second `now`."""
        look = self._observer.look()
        with self._lock:
            self._look = look
            if look.found is not None:
                self._restarts.note(look.found.status)
                if self._history.due(now):
                    self._history.add(Sample.of(look.found.status, now))
            self._metrics.take(look)

    @property
    def look(self) -> Look:
        """The newest look."""
        return self._look

    def page_json(self) -> dict[str, object]:
        """What the page draws: the charts and the log of restarts."""
        with self._lock:
            charts = chart_data(self._history.samples, self._look.records, time.time())
            restarts = [asdict(restart) for restart in self._restarts.newest_first]
        return {**charts, "restarts": restarts}

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics in the form that a scraper accepts, and that form's content type."""
        with self._lock:
            return self._metrics.exposition(accept)

    def close(self) -> None:
        """Look no more, and let another process write the history."""
        self._stopped.set()
        with self._lock:
            self._history.close()

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            self.step(time.time())
