"""From a finished Runway task to a checked file on this disk. Costs nothing, so it may be repeated.

Runs on any thread; the transfer itself on one of its own (`inference.runway.patience`).
"""

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import requests
from loguru import logger
from urllib3.exceptions import HTTPError

from inference.backend import CancelToken, Progress, Video
from inference.errors import BadOutput, RequestRefused, TryLater
from inference.runway.answers import TaskView
from inference.runway.api import RunwayApi
from inference.runway.attempts import GiveUp, State
from inference.runway.clock import Clock, wait
from inference.runway.errand import Finished, Means
from inference.runway.exchange import Ask, failure, new_session, opened
from inference.runway.patience import Abandoned, GivenUp, patiently

VIDEO_LIMIT_BYTES = 512 * 1024 * 1024

_TRIES = 4
_UNUSABLE_TWICE = 2
_WAIT_S = 1.0
_TOTAL_S = 600.0
_READ_BYTES = 65_536


def delivered(
    means: Means, finished: Finished, target: Path, progress: Progress, cancel: CancelToken
) -> Video:
    """The task's video at `target`, read back and found good.

    A link that does not work is asked for anew, and so is a file that is no video: the store may
    have answered with a page of its own. Raises `TryLater`, `RequestRefused` and `Cancelled`, and
    OSError when the disk is at fault.
    """
    problem, unusable = "Runway gives no link to it", 0
    for trial in range(_TRIES):
        links = finished.links if trial == 0 else _fresh(means, finished, trial, cancel)
        if not links:
            continue
        problem = _fetch(means.api, links[0], target, progress, cancel)
        if not problem:
            try:
                return _checked(means, finished, target, progress, cancel)
            except BadOutput as bad:
                problem, unusable = str(bad), unusable + 1
        logger.warning("the video of Runway task {}: {}", finished.task_id, problem)
        if unusable == _UNUSABLE_TWICE:
            _give_up(means, finished, problem)
    raise TryLater(f"the video of Runway task {finished.task_id} could not be fetched: {problem}")


def _fresh(means: Means, finished: Finished, trial: int, cancel: CancelToken) -> tuple[str, ...]:
    """New links to the output; none while Runway cannot say."""
    clock: Clock = means.watching.clock
    wait(clock, _WAIT_S * 2.0 ** (trial - 1), cancel)
    view = means.api.look(finished.task_id, lambda: cancel.cancelled)
    cancel.check()
    return view.output if isinstance(view, TaskView) else ()


def _checked(
    means: Means, finished: Finished, target: Path, progress: Progress, cancel: CancelToken
) -> Video:
    # PyAV alone takes 20 MB, which an idle child does without.
    from inference.video import read_back

    frames = 0

    def one_more() -> None:
        nonlocal frames
        cancel.check()
        frames += 1
        progress(frames, 0)

    video = read_back(target, one_more)
    means.journal.done(finished.number)
    return replace(video, remote_id=finished.task_id)


def _give_up(means: Means, finished: Finished, problem: str) -> None:
    means.journal.settle(finished.number, State.BAD, problem)
    step = means.journal.step(finished.order)
    if isinstance(step, GiveUp):
        raise RequestRefused(step.reason)
    raise TryLater(f"{problem}; another lease makes it once more, with another seed")


def _fetch(api: RunwayApi, link: str, target: Path, progress: Progress, cancel: CancelToken) -> str:
    """Download `link` to `target`; what went wrong, empty when nothing did."""
    if not api.may_visit(link):
        return "its link is not https"

    def act(abandoned: Abandoned) -> str:
        return _download(link, target, progress, abandoned)

    try:
        return patiently(act, _TOTAL_S, lambda: cancel.cancelled)
    except GivenUp:
        cancel.check()
        return f"not there within {_TOTAL_S:g} s"


def _download(link: str, target: Path, progress: Progress, abandoned: Abandoned) -> str:
    # A transfer that was given up may still be writing its own.
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        with opened(new_session(), Ask("GET", link)) as response:
            if response.status_code != requests.codes.ok:
                return f"its link answers HTTP {response.status_code}"
            total = response.raw.length_remaining or 0
            chunks = iter(lambda: response.raw.read1(_READ_BYTES), b"")
            wanted = itertools.takewhile(lambda _: not abandoned(), chunks)
            problem = _copied(wanted, partial, total, progress)
        if problem or abandoned():
            return problem
        partial.replace(target)
    except (requests.RequestException, HTTPError) as error:
        return failure(error).reason
    finally:
        partial.unlink(missing_ok=True)
    return ""


def _copied(chunks: Iterable[bytes], partial: Path, total: int, progress: Progress) -> str:
    done = 0
    with partial.open("wb") as file:
        for chunk in chunks:
            done += len(chunk)
            if max(done, total) > VIDEO_LIMIT_BYTES:
                return f"it is larger than {VIDEO_LIMIT_BYTES // 1024**2} MB"
            file.write(chunk)
            progress(done, total)
    return "" if done else "it is empty"
