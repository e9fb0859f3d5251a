"""A plan that a card turned out too small for, remembered across the lives of its children.

Without this a restarted child would begin with the same plan and lose a video to it again. What
filled the card may have been another process's, or fragments, so the memory fades: after a day, or
once the card has more room than it had then, the larger plan is tried again. Any process; no torch.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from loguru import logger

from inference.wan.memory import Plan

_FADES_AFTER_S = 24 * 3600.0
_MORE_ROOM = 1.02
"""More than this share of what was free then is another situation."""


@dataclass(frozen=True)
class Setback:
    """The rung of the ladder to begin at, and when that is no longer so.

    `ladder`: which ladder; it changes with the model and its settings. `free_bytes`: what was free
    when the larger plan was chosen, None on a CPU. `at`: seconds of the wall clock, which a restart
    of the machine does not set back to nothing.
    """

    ladder: str
    rung: int
    free_bytes: int | None
    at: float

    def holds(self, rungs: Sequence[Plan], free_bytes: int | None, now: float) -> bool:
        """Whether it still says anything about this ladder on this card. Pure."""
        more_room = (
            free_bytes is not None
            and self.free_bytes is not None
            and free_bytes > _MORE_ROOM * self.free_bytes
        )
        recent = 0 <= now - self.at < _FADES_AFTER_S
        return self.ladder == _name(rungs) and self.rung < len(rungs) and recent and not more_room


class Setbacks:
    """The last setback of one device, in a file. `file` None: nothing is remembered."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def rungs_left(
        self, rungs: Sequence[Plan], free_bytes: int | None, now: float
    ) -> Sequence[Plan]:
        """The rungs that are worth trying."""
        setback = self._read()
        if setback is None or not setback.holds(rungs, free_bytes, now):
            return rungs
        logger.info("a larger plan ran out of memory on this device less than a day ago")
        return rungs[setback.rung :]

    def note(
        self, rungs: Sequence[Plan], smaller: Plan, free_bytes: int | None, now: float
    ) -> None:
        """Remember that everything before `smaller` was too large. A full disk only forgets it."""
        if self._file is None:
            return
        setback = Setback(_name(rungs), rungs.index(smaller), free_bytes, now)
        partial = self._file.with_name(self._file.name + ".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(asdict(setback)), "utf-8")
            partial.replace(self._file)
        except OSError as error:
            logger.warning("the smaller plan cannot be remembered: {}", error)

    def _read(self) -> Setback | None:
        if self._file is None:
            return None
        try:
            return Setback(**json.loads(self._file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            # Not there, or torn: nothing is known then.
            return None


def _name(rungs: Sequence[Plan]) -> str:
    return sha256(repr(tuple(rungs)).encode()).hexdigest()[:16]
