"""The threads that a child's moves run on: one thing at a time on each."""

import queue
import threading
from collections.abc import Callable


class Lane:
    """One thread and its queue. `submit` is called by the main thread alone.

    The thread is a daemon: a hung move must not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._pending = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` after what was submitted before. It must not raise."""
        with self._lock:
            self._pending += 1
        self._jobs.put(job)

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._pending > 0

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            finally:
                with self._lock:
                    self._pending -= 1
