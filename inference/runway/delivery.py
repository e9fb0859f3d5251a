"""From a finished Runway task to a checked file on this disk. Costs nothing, so it may be repeated.

Runs on any thread; the transfer itself on one of its own (`inference.runway.patience`).
"""

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from loguru import logger
from urllib3.exceptions import HTTPError

from inference.backend import CancelToken, Progress, Video
from inference.errors import BadOutput, RequestRefused, TryLater
from inference.runway.answers import TaskView
from inference.runway.api import RunwayApi
from inference.runway.attempts import MOST_PROBLEMS, GiveUp, State
from inference.runway.clock import Clock, wait
from inference.runway.errand import Finished, Means
from inference.runway.exchange import Ask, failure, new_session, opened
from inference.runway.patience import Abandoned, GivenUp, patiently

VIDEO_LIMIT_BYTES = 512 * 1024 * 1024

_TRIES = 4
_UNUSABLE_TWICE = 2
_WAIT_S = 1.0
_EMPTY = "it is empty"
_TOTAL_S = 600.0
_READ_BYTES = 65_536
_PASSING_4XX = (408, 425, 429)


@dataclass(frozen=True)
class Problem:
    """Why no file came. `definite`: the network and the store's health have no part in it."""

    text: str
    definite: bool


_NO_LINK = Problem("Runway gives no link to it", definite=True)


def delivered(
    means: Means, finished: Finished, target: Path, progress: Progress, cancel: CancelToken
) -> Video:
    """The task's video at `target`, read back and found good.

    A link that does not work is asked for anew, and so is a file that is no video: the store may
    have answered with a page of its own. A video that is definitely not to be had, in lease after
    lease, is no good. Raises `TryLater`, `RequestRefused` and `Cancelled`, and OSError when the
    disk is at fault.
    """
    problem, unusable = _NO_LINK, 0
    for trial in range(_TRIES):
        links = finished.links if trial == 0 else _fresh(means, finished, trial, cancel)
        if links is None:
            problem = replace(problem, definite=False)
            continue
        found = _fetch(means.api, links, target, progress, cancel)
        if found is None:
            try:
                return _checked(means, finished, target, progress, cancel)
            except BadOutput as bad:
                found, unusable = Problem(str(bad), definite=False), unusable + 1
        problem = found
        logger.warning("the video of Runway task {}: {}", finished.task_id, problem.text)
        if unusable == _UNUSABLE_TWICE:
            _give_up(means, finished, problem.text)
    if problem.definite and means.journal.problem(finished.number) >= MOST_PROBLEMS:
        _give_up(means, finished, problem.text)
    raise TryLater(
        f"the video of Runway task {finished.task_id} could not be fetched: {problem.text}"
    )


def _fresh(
    means: Means, finished: Finished, trial: int, cancel: CancelToken
) -> tuple[str, ...] | None:
    """New links to the output; None while Runway cannot say."""
    clock: Clock = means.watching.clock
    wait(clock, _WAIT_S * 2.0 ** (trial - 1), cancel)
    view = means.api.look(finished.task_id, lambda: cancel.cancelled)
    cancel.check()
    return view.output if isinstance(view, TaskView) else None


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


def _fetch(
    api: RunwayApi, links: Sequence[str], target: Path, progress: Progress, cancel: CancelToken
) -> Problem | None:
    """Download the first of `links` to `target`; None when nothing went wrong."""
    if not links:
        return _NO_LINK
    if not api.may_visit(links[0]):
        return Problem("its link is not https", definite=True)

    def act(abandoned: Abandoned) -> Problem | None:
        return _download(links[0], target, progress, abandoned)

    try:
        return patiently(act, _TOTAL_S, lambda: cancel.cancelled)
    except GivenUp:
        cancel.check()
        return Problem(f"not there within {_TOTAL_S:g} s", definite=False)


def _download(link: str, target: Path, progress: Progress, abandoned: Abandoned) -> Problem | None:
    # A transfer that was given up may still be writing its own.
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        with opened(new_session(), Ask("GET", link)) as response:
            if response.status_code != requests.codes.ok:
                return _answered(response.status_code)
            total = response.raw.length_remaining or 0
            chunks = iter(lambda: response.raw.read1(_READ_BYTES), b"")
            wanted = itertools.takewhile(lambda _: not abandoned(), chunks)
            problem = _copied(wanted, partial, total, progress)
        if problem:
            return Problem(problem, definite=problem != _EMPTY)
        if not abandoned():
            partial.replace(target)
    except (requests.RequestException, HTTPError) as error:
        return Problem(failure(error).reason, definite=False)
    finally:
        partial.unlink(missing_ok=True)
    return None


def _answered(status: int) -> Problem:
    definite = status < 500 and status not in _PASSING_4XX
    return Problem(f"its link answers HTTP {status}", definite)


def _copied(chunks: Iterable[bytes], partial: Path, total: int, progress: Progress) -> str:
    done = 0
    with partial.open("wb") as file:
        for chunk in chunks:
            done += len(chunk)
            if max(done, total) > VIDEO_LIMIT_BYTES:
                return f"it is larger than {VIDEO_LIMIT_BYTES // 1024**2} MB"
            file.write(chunk)
            progress(done, total)
    return "" if done else _EMPTY
