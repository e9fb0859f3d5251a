"""What must be true before any child starts: `python -m pool.child.preflight <parent's pid>`.

A process of its own, because the parent imports none of the libraries that this needs, and because
the children, which run offline, must not each download the weights. It reads one `Question` from
its stdin, shows how a download goes on its stderr, and writes one `Findings` to its stdout. It
never touches a device.
"""

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Literal

from loguru import logger
from pydantic import BaseModel

from client.errors import ClientError, Unauthorized
from client.session import build_session
from client.worker_api import WorkerApi
from inference.errors import BackendUnusable, TryLater
from inference.wan.checkpoint import locate
from inference.wan.download import Report, fetch, wanted
from inference.wan.facts import check
from inference.wan.lora import find_lora
from inference.wan.memory import placement
from inference.wan.settings import WanSettings, parse
from pool.child.key_trial import try_key
from pool.child.wrong_options import in_words
from pool.child_settings import ChildSettings
from pool.exit_codes import ExitCode
from pool.parent_death import die_with_parent

_LINE_EVERY_S = 30.0


class Question(BaseModel):
    """`options` of the WAN backend; `cards`: each slot's device memory in bytes, None on a CPU.

    `fetch`: whether to download not at all, what the local cache lacks, or what the hub has newer.
    `origins`: where each setting was read, for errors. `settings_json`: the pool's settings, so
    that the Worker API can be shown the key before a download.
    """

    options: Mapping[str, object]
    cards: Mapping[str, int | None]
    fetch: Literal["never", "missing", "all"]
    origins: Mapping[str, str] = {}
    settings_json: str | None = None


class Findings(BaseModel):
    """`plans`: for each slot where the model will lie. `problem`: why nothing can start.

    `key_refused`: whether that is the Worker API's refusal of the key. `passing`: whether another
    start may do what this one could not.
    """

    plans: dict[str, str] = {}
    problem: str | None = None
    key_refused: bool = False
    passing: bool = False


def answer(question: Question, report: Report) -> Findings:
    """Check, and download if asked to, everything that can be known before a child starts."""
    try:
        settings = parse(question.options)
        if question.fetch == "never" and not _is_here(settings):
            later = f"{settings.model} is downloaded at the first start, or with --download"
            return Findings(plans=dict.fromkeys(question.cards, later))
        _fetch(settings, question, report)
        rungs = check(settings).rungs
        return Findings(
            plans={slot: placement(size, rungs) for slot, size in question.cards.items()}
        )
    except BackendUnusable as error:
        return Findings(problem=in_words(error, question.origins))
    except TryLater as error:
        return Findings(problem=str(error), passing=True)
    except Unauthorized:
        words = "the Worker API refuses the key (401): correct WORKER_API_KEY"
        return Findings(problem=words, key_refused=True)


def _fetch(settings: WanSettings, question: Question, report: Report) -> None:
    """Download what is wanted. Raises `Unauthorized` where the pool could not work afterwards."""
    asked, wants = question.fetch, wanted(settings)
    if asked == "never" or not wants or (asked == "missing" and _is_whole(settings)):
        return
    if asked == "missing" and question.settings_json is not None:
        _show_key(ChildSettings.from_json(question.settings_json))
    fetch(wants, report)


def _show_key(settings: ChildSettings) -> None:
    """A wrong key is found before the hours of a download; an API that is down is waited for."""
    api = WorkerApi(
        settings.vercel_api_url,
        settings.worker_token,
        settings.worker_type,
        settings.api_timeout,
        build_session(),
    )
    try:
        try_key(api.renew, f"check-{uuid.uuid4()}")
    except Unauthorized:
        raise
    except ClientError as error:
        logger.info("the key could not be tried: {}", error)


def _is_here(settings: WanSettings) -> bool:
    """Whether everything that the settings name has been downloaded; always so for folders."""
    try:
        locate(settings.model, settings.revision)
        for lora in settings.loras.values():
            find_lora(lora)
    except BackendUnusable:
        return not wanted(settings)
    return True


def _is_whole(settings: WanSettings) -> bool:
    """Whether nothing is missing, so that no network is needed."""
    try:
        check(settings)
    except BackendUnusable as error:
        logger.info("{}", error)
        return False
    return True


class EveryLine:
    """Progress for a log or a pipe: a line now and then. `clock` gives monotonic seconds."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._write = write
        self._clock = clock
        self._due_at = clock()

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Say how far the download is, if it is time to, or if it is over."""
        now = self._clock()
        if now >= self._due_at or done_bytes == total_bytes:
            self._due_at = now + _LINE_EVERY_S
            share = done_bytes / max(total_bytes, 1)
            self._write(
                f"downloading: {done_bytes / 1e9:.2f} of {total_bytes / 1e9:.2f} GB ({share:.0%})\n"
            )


def _answer_with_bar(question: Question) -> Findings:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("downloading", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)
        return answer(
            question,
            lambda done, total: bar.update(task, completed=done, total=total, visible=True),
        )


def main() -> None:
    """Answer the question on stdin."""
    if not die_with_parent(int(sys.argv[1])):
        os._exit(ExitCode.ORPHANED)
    # Ctrl-C goes to both processes; the parent is the one that says so.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    question = Question.model_validate_json(sys.stdin.buffer.read())
    logger.remove()
    logger.add(sys.stderr, level="INFO", format="start-pool: {message}", diagnose=False)
    if sys.stderr.isatty():
        findings = _answer_with_bar(question)
    else:
        findings = answer(question, EveryLine(sys.stderr.write, time.monotonic))
    sys.stdout.write(findings.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
