"""What `bin/demo` can be asked for. Needs nothing installed, so that --help works at once."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Flags:
    """`mode` runway: a double of Runway makes the videos, not a model.

    `model` None: tiny random weights, or the default model where it and a GPU are at hand.
    `workers` counts children without a GPU; `port` 0 takes a free one.
    """

    leave: bool
    mode: Literal["wan", "runway"]
    model: str | None
    cpu: bool
    workers: int
    data: Path
    port: int


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(
        prog="demo",
        description="Run server, pool and three tasks on this machine, and show what happens.",
        epilog="Exit code: 0 three playable videos were made, 1 they were not, 2 wrong flag, "
        "130 ended by Ctrl-C before that.",
    )
    add = flags.add_argument
    add("--exit", action="store_true", help="end when the videos are there; else stay up")
    add(
        "--mode",
        choices=("wan", "runway"),
        default="wan",
        help="runway: through the Runway backend, with a double of Runway that costs nothing",
    )
    add(
        "--model",
        metavar="PATH_OR_ID",
        help="real weights: a folder in diffusers' layout, or a Hugging Face id in the local cache "
        "(default: tiny random ones, unless the default model and a GPU are there)",
    )
    add("--device", choices=("cpu",), help="leave the GPUs alone")
    add("--workers", type=_count, default=2, metavar="N", help="children without a GPU (2)")
    add("--data", type=Path, default=Path("demo-data"), metavar="DIR", help="./demo-data")
    add("--port", type=int, default=0, metavar="N", help="the server's port (a free one)")
    return flags


def parsed(arguments: Sequence[str]) -> Flags:
    """The flags as given. A wrong one ends the process with 2."""
    flags = parser()
    given = flags.parse_args(arguments)
    if given.mode == "runway" and (given.model or given.device):
        flags.error("--model and --device choose how WAN works; leave them out with --mode runway")
    return Flags(
        leave=given.exit,
        mode=given.mode,
        model=given.model,
        cpu=given.device == "cpu",
        workers=given.workers,
        data=given.data,
        port=given.port,
    )


def _count(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 64:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number from 1 to 64")
    return int(value)


if __name__ == "__main__":
    parsed(sys.argv[1:])
