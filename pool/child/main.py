"""The entry of a child process: `python -m pool.child.main <pipe's fd> <parent's pid>`.

Started by the supervisor with the device already chosen in its environment. Order matters: the tie
to the parent first, before anything can hang; torch last, inside the backend, after everything that
may refuse to start has had its say.
"""

import faulthandler
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

from loguru import logger

from inference.errors import BackendUnusable
from pool.child.assembly import assembled
from pool.child.load import LoadLines, loaded
from pool.child.log import log_to
from pool.child.news import BackendLoaded, Exit, Inbox, Ordered, Signalled
from pool.child.outbox import Outbox
from pool.child_settings import ChildSettings
from pool.exit_codes import ExitCode
from pool.messages import Ending, Start, to_child
from pool.parent_death import die_with_parent
from pool.standard_streams import secure_standard_streams


def main() -> None:
    """Run one child to its end. Never returns."""
    pipe = socket.socket(fileno=int(sys.argv[1]))
    if not die_with_parent(int(sys.argv[2])):
        os._exit(ExitCode.ORPHANED)
    secure_standard_streams()
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR2, all_threads=True)
    lines = _lines(pipe)
    start = to_child.decode(next(lines))
    if not isinstance(start, Start):
        raise TypeError(f"the first message is {type(start).__name__}, not Start")
    inbox, outbox = Inbox(), Outbox(pipe)
    settings = ChildSettings.from_json(start.settings_json)
    log_to(inbox, settings, start.slot)
    exit_ = _live(start, settings, inbox, outbox, lines)
    outbox.send(Ending(reason=exit_.reason))
    # Lanes are daemon threads, perhaps deep inside a library: an orderly interpreter shutdown
    # would tear it down under them.
    os._exit(exit_.code)


def _live(
    start: Start, settings: ChildSettings, inbox: Inbox, outbox: Outbox, lines: Iterator[bytes]
) -> Exit:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: inbox.put(Signalled(number)))
    threading.Thread(target=_inlet, args=(lines, inbox), name="inlet", daemon=True).start()
    try:
        parts = assembled(start, settings, inbox, outbox, random.random)
    except BackendUnusable as error:
        return Exit(ExitCode.CONFIG, str(error))
    _introduce(start, settings)
    backend = parts.means.tools.backend
    lines_of_load = LoadLines(time.monotonic)
    parts.means.lanes.device.submit(
        lambda: inbox.put(BackendLoaded(loaded(backend, start.device_uuid, lines_of_load)))
    )
    return parts.loop.run()


def _introduce(start: Start, settings: ChildSettings) -> None:
    """The first lines of every worker's log, in the words that its readers look for."""
    logger.info("Worker initialized: {}", start.worker_id)
    logger.info("Next.js API: {}", settings.vercel_api_url)
    if settings.backend == "runway":
        logger.info("Runway Model: {}", settings.backend_options["model"])
    else:
        logger.info("Backend: {}", settings.backend)


def _lines(pipe: socket.socket) -> Iterator[bytes]:
    """Whole lines from the pipe, until the supervisor is gone."""
    with pipe.makefile("rb") as reader:
        yield from reader


def _inlet(lines: Iterator[bytes], inbox: Inbox) -> None:
    """Runs on the inlet thread: the supervisor's words into the inbox; its end is this child's."""
    for line in lines:
        try:
            inbox.put(Ordered(to_child.decode(line)))
        except ValueError:
            break
    os._exit(ExitCode.ORPHANED)


if __name__ == "__main__":
    main()
