"""Where the supervisor's log goes: the terminal, or whatever stands in its place, and a file."""

import os
import sys

from loguru import logger

from pool.log import formatter, log_file
from pool.settings.schema import Settings
from pool.terminal import Terminal


def log_to(settings: Settings) -> Terminal | None:
    """Set loguru up for the supervisor; its terminal, if it has one.

    A terminal shows progress in one line below the log, so the log's own lines of progress go to
    the file alone there.
    """
    capable = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    terminal = Terminal(sys.stderr) if capable else None
    template = formatter(settings.log_format, settings.secrets())
    logger.remove()
    logger.add(
        sys.stderr if terminal is None else terminal.write,
        level=settings.log_level,
        format=template,
        filter=lambda record: terminal is None or not record["extra"].get("progress"),
        diagnose=False,
    )
    logger.add(
        log_file(settings.log_dir, "pool").write,
        level=settings.log_level,
        format=template,
        diagnose=False,
    )
    return terminal
