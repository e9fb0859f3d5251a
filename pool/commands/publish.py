"""What the supervisor does once a second for those who look at the pool."""

from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from pool.state_dir import StateDir
from pool.status.brief import brief
from pool.status.snapshot import Identity, status_of
from pool.status.status_file import write_status
from pool.supervisor.output_file import trim
from pool.supervisor.supervisor import Supervisor
from pool.terminal import Terminal

_TRIM_EVERY_S = 30.0


class Publisher:
    """Writes the status file, the line below the log, and keeps children's output files small.

    `outputs` are those files; `terminal` is None where the log goes to a pipe or a file.
    """

    def __init__(
        self,
        state_dir: StateDir,
        identity: Identity,
        outputs: Sequence[Path],
        terminal: Terminal | None,
    ) -> None:
        self._state_dir = state_dir
        self._identity = identity
        self._outputs = outputs
        self._terminal = terminal
        self._trim_at = 0.0

    def __call__(self, supervisor: Supervisor, now: float) -> None:
        """Publish the state at `now` (monotonic seconds)."""
        status = status_of(self._identity, supervisor, now)
        try:
            write_status(self._state_dir, status)
        except OSError as error:
            logger.warning("the status could not be written: {}", error.strerror)
        if self._terminal is not None:
            self._terminal.show(brief(status))
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY_S
            for output in self._outputs:
                trim(output)
