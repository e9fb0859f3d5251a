"""`bin/runway-smoke PHOTO`: one real, paid video, after asking. Proves a key and a model."""

import argparse
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
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

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: a checked video lies there; no video; the command or the key is wrong."""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(
        prog="runway-smoke",
        description="Make one real video at Runway, which costs money, and check it.",
        epilog=f"The key is read from {' or '.join(KEYS)}, in the environment or in .env. "
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
    with tempfile.TemporaryDirectory(prefix="runway-smoke-") as folder:
        options: dict[str, object] = {
            "api_key": key,
            "journal_dir": folder,
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
        except Cancelled:
            _say("cancelled, at Runway too; what had been running may have been paid")
    return FAILED


def _make(backend: RunwayBackend, flags: argparse.Namespace) -> int:
    backend.load(_silent)
    item_id = f"smoke-{uuid.uuid4()}"
    seed = seed_for(item_id)
    prepared = backend.prepare(
        Request(item_id, flags.photo, flags.prompt, flags.frames, flags.model, seed, item_id)
    )
    if not flags.yes and not _agreed(prepared):
        _say("nothing was made and nothing was paid")
        return FAILED
    cancel = CancelToken()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: cancel.cancel())
    finished = backend.infer(prepared, _silent, cancel)
    video = backend.encode(finished, flags.output, _silent, cancel)
    _say(
        f"{video.path}: {video.duration_s:.1f} s, {video.width} x {video.height}, "
        f"{video.size_bytes} bytes, Runway task {video.remote_id}; {backend.today()}"
    )
    return DONE


def _agreed(prepared: Prepared) -> bool:
    what = f"{prepared.length_s} s by {prepared.choice.model.sent}, {prepared.ratio}"
    sys.stderr.write(f"{what}. This costs about ${prepared.order.usd:.2f}. Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _first(known: Mapping[str, str | None], names: Sequence[str]) -> str | None:
    return next((value for name in names if (value := known.get(name))), None)


def _silent(_done: int, _total: int) -> None:
    """Progress goes to the log."""


def _say(sentence: str) -> None:
    print(f"runway-smoke: {sentence}", file=sys.stderr)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], MappingProxyType(dict(os.environ))))
