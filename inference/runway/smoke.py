"""`bin/runway-smoke PHOTO`: one real, paid video, after asking. Proves a key and a model.

What was paid stands in a journal of its own in the state folder. So the same command, run again
after a lost connection or a kill, takes up the task that it made, and pays for none.
"""

import argparse
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from dotenv import dotenv_values

from inference.backend import CancelToken, Request
from inference.errors import BackendUnusable, Cancelled, InferenceError
from inference.runway.backend import RunwayBackend
from inference.runway.prepared import Prepared
from inference.seed import seed_for

KEYS = ("RUNWAY_API_KEY", "RUNWAYML_API_SECRET")
BASES = ("RUNWAY_BASE_URL", "RUNWAYML_BASE_URL")

FOLDER = "runway-smoke"
"""The journal's folder: not the pool's, whose caps and pauses are for its own tasks."""

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: a checked video lies there; no video; the command or the key is wrong."""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(
        prog="runway-smoke",
        description="Make one real video at Runway, which costs money, and check it.",
        epilog=f"The key is read from {' or '.join(KEYS)}, in the environment or in .env. "
        "The same photo, prompt and model again: the task that was paid is taken up. "
        "Exit code: 0 a good video, 1 none, 2 wrong flags or key.",
    )
    flags.add_argument("photo", type=Path)
    flags.add_argument("--prompt", default="the camera slowly comes nearer")
    flags.add_argument(
        "--model", default="gen4_turbo", help="as tasks name it (default: %(default)s)"
    )
    flags.add_argument(
        "--frames", type=int, default=121, help="length at 24 a second (%(default)s)"
    )
    flags.add_argument("--output", type=Path, default=Path("runway-smoke.mp4"))
    flags.add_argument(
        "--look-every", type=float, default=5.0, metavar="S", help="Runway asks for 5 or more"
    )
    flags.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where what was paid is noted (./state)"
    )
    flags.add_argument("--yes", action="store_true", help="do not ask before paying")
    return flags


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command; its exit code."""
    flags = parser().parse_args(arguments)
    known = {**dotenv_values(".env"), **environ}
    key = _first(known, KEYS)
    if key is None:
        _say(f"no key: set {KEYS[0]} in the environment or in .env")
        return WRONG
    journal_dir = Path(flags.state_dir or known.get("POOL_STATE_DIR") or "state") / FOLDER
    options: dict[str, object] = {
        "api_key": key,
        "journal_dir": journal_dir,
        "model": flags.model,
        "poll_interval_s": flags.look_every,
    }
    base = _first(known, BASES)
    try:
        return _make(RunwayBackend(options | ({"base_url": base} if base else {})), flags)
    except BackendUnusable as error:
        _say(str(error))
        return WRONG
    except (InferenceError, OSError) as error:
        _say(f"no video: {error}")
    return FAILED


class _Left(BaseException):
    """The command is to end, and what runs at Runway to go on."""


class _Stop(CancelToken):
    """Ctrl-C cancels at Runway, too; whatever else ends the command leaves the task there."""

    def __init__(self) -> None:
        super().__init__()
        self._left = False

    def leave(self) -> None:
        """Ask the work to stop, and to cancel nothing."""
        self._left = True
        self.cancel()

    def check(self) -> None:
        """Raise `_Left` or `Cancelled` if the work was asked to stop."""
        if self._left:
            raise _Left
        super().check()

    def listen(self) -> None:
        """Hear the signals from now on. A SIGHUP that nohup ignores stays ignored."""
        signal.signal(signal.SIGINT, lambda *_: self.cancel())
        for number in (signal.SIGHUP, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self.leave())


def _make(backend: RunwayBackend, flags: argparse.Namespace) -> int:
    backend.load(_silent)
    prepared = backend.prepare(_request(flags))
    if not flags.yes and not _agreed(prepared, backend.taken_up(prepared)):
        _say("nothing was made and nothing was paid")
        return FAILED
    stop = _Stop()
    stop.listen()
    try:
        finished = backend.infer(prepared, _silent, stop)
        video = backend.encode(finished, flags.output, _silent, stop)
    except _Left:
        task_id = backend.taken_up(prepared)
        goes_on = f"Runway task {task_id} goes on" if task_id else "no Runway task is known"
        _say(f"stopped; {goes_on}: the same command takes up what was paid")
        return FAILED
    except Cancelled:
        task_id = backend.taken_up(prepared)
        if task_id is None:
            _say("cancelled, at Runway too; what had been running may have been paid")
        else:
            _say(f"cancelled, but not Runway task {task_id}: the same command takes it up")
        return FAILED
    _say(
        f"{video.path}: {video.duration_s:.1f} s, {video.width} x {video.height}, "
        f"{video.size_bytes} bytes, Runway task {video.remote_id}; {backend.today()}"
    )
    return DONE


def _request(flags: argparse.Namespace) -> Request:
    """The same for the same command, but for its lease: so the journal knows what was paid."""
    digest = sha256(flags.photo.read_bytes())
    for part in (flags.prompt, flags.model):
        digest.update(b"\0" + part.encode("utf-8", "replace"))
    item_id = f"smoke-{digest.hexdigest()[:32]}"
    lease_id = f"{item_id}#{uuid.uuid4()}"
    seed = seed_for(item_id)
    return Request(item_id, flags.photo, flags.prompt, flags.frames, flags.model, seed, lease_id)


def _agreed(prepared: Prepared, task_id: str | None) -> bool:
    what = f"{prepared.length_s} s by {prepared.choice.model.sent}, {prepared.ratio}"
    costs = f"costs about ${prepared.order.usd:.2f}"
    if task_id is None:
        words = f"This {costs}."
    else:
        words = f"Runway task {task_id} was paid for it; only if that is gone, a new one {costs}."
    sys.stderr.write(f"{what}. {words} Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _first(known: Mapping[str, str | None], names: Sequence[str]) -> str | None:
    return next((value for name in names if (value := known.get(name))), None)


def _silent(_done: int, _total: int) -> None:
    """Progress goes to the log."""


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(f"runway-smoke: {sentence}", file=sys.stderr)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], MappingProxyType(dict(os.environ))))
