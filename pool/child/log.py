"""A child's log: a file of its own, and what a person should see through the pipe."""

from typing import TYPE_CHECKING

from loguru import logger

from pool.child.news import Inbox, Logged
from pool.child_settings import ChildSettings
from pool.log import formatter, log_file
from pool.messages import LEVELS, Level

if TYPE_CHECKING:
    from loguru import Message


_LEVELS = tuple((logger.level(name).no, name) for name in LEVELS)


def _known(number: int) -> Level:
    """The level that the supervisor knows: somebody's own backend may have made levels of its own.

    The highest that is not above `number`, or the lowest of all.
    """
    return max((known for known in _LEVELS if known[0] <= number), default=_LEVELS[0])[1]


def log_to(inbox: Inbox, settings: ChildSettings, slot: str) -> None:
    """Set loguru up for this process."""

    def through_the_pipe(message: "Message") -> None:
        record = message.record
        # What cannot be encoded would end the loop that sends the line, and its leases with it.
        text = record["message"].encode(errors="replace").decode()
        level, extra = _known(record["level"].no), record["extra"]
        inbox.put(Logged(level, text, extra.get("item_id"), once=bool(extra.get("once"))))

    logger.remove()
    logger.configure(extra={"slot": slot})
    logger.add(
        log_file(settings.log_dir, slot).write,
        level=settings.log_level,
        format=formatter(settings.log_format, settings.secrets),
        diagnose=False,
    )
    logger.add(through_the_pipe, level=settings.log_level, format="{message}", diagnose=False)
