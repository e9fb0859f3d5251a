"""A child's log: a file of its own, and what a person should see through the pipe."""

from typing import TYPE_CHECKING

from loguru import logger

from pool.child.news import Inbox, Logged
from pool.log import RETENTION, ROTATION, formatter, log_file
from pool.settings.schema import Settings

if TYPE_CHECKING:
    from loguru import Message


def log_to(inbox: Inbox, settings: Settings, slot: str) -> None:
    """Set loguru up for this process."""
    secrets = settings.secrets()

    def through_the_pipe(message: "Message") -> None:
        record = message.record
        inbox.put(Logged(record["level"].name, record["message"], record["extra"].get("item_id")))

    logger.remove()
    logger.configure(extra={"slot": slot})
    logger.add(
        log_file(settings.log_dir, slot),
        level=settings.log_level,
        format=formatter(settings.log_format, secrets),
        rotation=ROTATION,
        retention=RETENTION,
        diagnose=False,
    )
    logger.add(through_the_pipe, level=settings.log_level, format="{message}", diagnose=False)
