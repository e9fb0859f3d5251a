"""What `start-pool --check` cannot ask in the parent: `python -m pool.child.check`.

A process of its own, because it speaks to the Worker API and imports what a child imports. It reads
one `Question` from its stdin and writes one JSON line for each `Finding` to its stdout.
"""

import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from pydantic import BaseModel

from client.errors import ClientError, Unauthorized
from client.session import build_session
from client.worker_api import WorkerApi
from inference.errors import BackendUnusable, InferenceError
from inference.registry import backend_class
from pool.child.key_trial import try_key
from pool.child.wrong_options import in_words
from pool.child_settings import ChildSettings
from pool.counted import counted
from pool.exit_codes import ExitCode
from pool.finding import Finding, fine, wrong
from pool.parent_death import die_with_parent
from pool.supervisor.host_memory import HostMemory

_SKEW_S = 30.0
_PROCESS_BYTES = {"wan": 3 * 2**30, "runway": 50 * 2**20}
"""Host memory of one child without its weights: with torch and a CUDA context, or with neither."""

_PICTURE_BYTES = 200 * 2**20
"""What a Runway child takes while it prepares a large photo: one at a time does."""


@dataclass(frozen=True)
class Model:
    """Bytes in host memory: of a whole child without a card, and of the largest component."""

    peak_bytes: int = 0
    largest_bytes: int = 0


class Question(BaseModel):
    """`cards`: each slot's device memory in bytes, None where it has no device.

    `origins`: where each setting was read, for errors.
    """

    settings_json: str
    origins: Mapping[str, str]
    cards: Mapping[str, int | None]


def findings(settings: ChildSettings, question: Question) -> Iterator[Finding]:
    """Everything that is asked here, one after the other."""
    cards, origins = question.cards, question.origins
    yield from worker_api(settings)
    usable = backend(settings, origins)
    yield usable
    each, once = _PROCESS_BYTES.get(settings.backend, 2**30), 0
    if settings.backend == "runway":
        once += _PICTURE_BYTES
        if usable.ok:
            yield runway_key(settings)
    if settings.backend == "wan" and usable.ok:
        model, found = weights(settings, cards, origins)
        yield found
        yield from compiler(settings)
        if settings.backend_options["device"] == "cpu":
            each += model.peak_bytes
        else:
            # On its way to a card a component passes through host memory, one load at a time.
            once += model.largest_bytes
    yield host_memory(len(cards), each, once, HostMemory().available_bytes())
    if settings.backend != "runway":
        yield encoder(settings.temp_dir)


def worker_api(settings: ChildSettings) -> Iterator[Finding]:
    """Whether the API answers and accepts the key, and what time it believes to be.

    No task is taken.
    """
    dates: list[str] = []
    session = build_session()
    session.hooks["response"].append(
        lambda response, **_: dates.append(response.headers.get("Date", ""))
    )
    key = settings.worker_token
    api = WorkerApi(
        settings.vercel_api_url, key, settings.worker_type, settings.api_timeout, session
    )
    yield _asked(api, settings.vercel_api_url)
    if dates and dates[-1]:
        yield clock(dates[-1], time.time())


def _asked(api: WorkerApi, url: str) -> Finding:
    what = "Worker API"
    try:
        try_key(api.renew, f"check-{uuid.uuid4()}")
    except Unauthorized:
        remedy = "correct WORKER_API_KEY"
        return wrong(what, f"{url} refuses the key (401)", remedy, ExitCode.UNAUTHORIZED)
    except ClientError as error:
        return wrong(what, str(error), "look at VERCEL_API_URL and at the network")
    return fine(what, f"{url} answers and accepts the key")


def clock(date: str, now: float) -> Finding:
    """Whether this machine's clock agrees with a server's `Date` header; `now` since 1970."""
    what = "clock"
    try:
        skew_s = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return fine(what, "the server tells no time to compare with")
    if abs(skew_s) > _SKEW_S:
        words = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the server's"
        return wrong(what, words, "set it: timedatectl set-ntp true")
    return fine(what, f"within {_SKEW_S:.0f} s of the server's")


def backend(settings: ChildSettings, origins: Mapping[str, str]) -> Finding:
    """Whether the backend takes its settings."""
    what = "backend"
    try:
        backend_class(settings.backend)(settings.backend_options)
    except BackendUnusable as error:
        return wrong(what, in_words(error, origins), "correct it")
    return fine(what, f"{settings.backend} takes its settings")


def runway_key(settings: ChildSettings) -> Finding:
    """Whether Runway accepts its key. Nothing is bought: it is asked whose the key is."""
    from inference.runway.api import RunwayApi
    from inference.runway.settings import parse

    what, runway = "Runway key", parse(settings.backend_options)
    url, accepted = runway.base_url, RunwayApi(runway).key_accepted()
    if accepted is None:
        return wrong(what, f"{url} could not be asked", "look at the network, then ask again")
    if not accepted:
        return wrong(what, f"{url} refuses it (401)", "correct RUNWAY_API_KEY")
    return fine(what, f"{url} accepts it")


def weights(
    settings: ChildSettings, cards: Mapping[str, int | None], origins: Mapping[str, str]
) -> tuple[Model, Finding]:
    """How large the model is, and whether it is whole, its tokenizer included, and fits."""
    from inference.wan.facts import check
    from inference.wan.memory import WEIGHT_BYTES, placement, plan
    from inference.wan.settings import parse

    what = "weights"
    try:
        wan = parse(settings.backend_options)
        facts = check(wan)
        plans = {placement(size, facts.rungs) for size in cards.values()}
    except BackendUnusable as error:
        remedy = "bin/start-pool --download" if "download" in str(error) else ""
        return Model(), wrong(what, in_words(error, origins), remedy)
    each = WEIGHT_BYTES[wan.dtype]
    counts = [count * each for count in facts.checkpoint.sizes.parameters.values()]
    words = f"{wan.model} is whole, its tokenizer too; {'; '.join(sorted(plans))}"
    return Model(plan(None, facts.rungs).peak_bytes, max(counts)), fine(what, words)


def compiler(settings: ChildSettings) -> Iterator[Finding]:
    """Whether torch's compiler finds what it calls, where it is to be used."""
    from inference.wan.build_tools import missing
    from inference.wan.settings import parse

    what = "compiler"
    if parse(settings.backend_options).compiler != "inductor":
        return
    if absent := missing(os.environ):
        words = f"{', '.join(absent)} not found: the videos are made without, which is slower"
        yield wrong(what, words, "apt-get install gcc libc6-dev python3-dev, or set compile: off")
    else:
        yield fine(what, "a C compiler and Python.h found")


def host_memory(children: int, each_bytes: int, once_bytes: int, free_bytes: int) -> Finding:
    """Whether all children find room, while one of them loads: loads wait for each other."""
    what = "host memory"
    needed = children * each_bytes + once_bytes
    free, need = f"{free_bytes / 2**30:.1f} GiB free", f"{needed / 2**30:.1f} needed"
    words = f"{free}, {need} for {counted(children, 'child', 'children')}"
    if free_bytes < needed:
        return wrong(what, words, "use fewer --devices or --workers, or a larger machine")
    return fine(what, words)


def encoder(folder: Path) -> Finding:
    """Whether a video that plays can be written here."""
    what = "encoder"
    try:
        from inference.trial_video import write_trial_video

        with tempfile.TemporaryDirectory(dir=_nearest(folder)) as place:
            video = write_trial_video(Path(place) / "trial.mp4")
    except (InferenceError, OSError, ImportError) as error:
        return wrong(
            what, f"no video can be written: {error}", "bin/install, then look at the disk"
        )
    return fine(what, f"writes H.264 that plays ({video.frames} frames, {video.size_bytes} bytes)")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def main() -> None:
    """Answer the question on stdin."""
    if not die_with_parent(int(sys.argv[1])):
        os._exit(ExitCode.ORPHANED)
    question = Question.model_validate_json(sys.stdin.buffer.read())
    settings = ChildSettings.from_json(question.settings_json)
    for found in findings(settings, question):
        sys.stdout.write(found.model_dump_json() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
