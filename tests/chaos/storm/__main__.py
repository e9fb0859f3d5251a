"""`bin/chaos`: let a storm blow over real pools, and judge what is left."""

import argparse
import random
import shutil
import sys
from collections.abc import Callable, Sequence

from tests.chaos.storm.run import Progress, blow
from tests.chaos.storm.schedule import KINDS, Storm
from tests.chaos.storm.told import head, progress_line, verdict_lines

_LINE_EVERY_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when nothing was broken, 1 when something was."""
    storm = planned(parser().parse_args(arguments))
    print(head(storm), flush=True)
    result = blow(storm, _on_terminal if sys.stdout.isatty() else _in_file())
    print("\r\x1b[K" if sys.stdout.isatty() else "", end="")
    for line in verdict_lines(result):
        print(line)
    if not result.judgement.broken:
        shutil.rmtree(result.folder)
    return int(bool(result.judgement.broken))


def planned(asked: argparse.Namespace) -> Storm:
    """The storm that the flags ask for; without a seed any."""
    return Storm(
        seed=random.SystemRandom().randrange(100_000) if asked.seed is None else asked.seed,
        length_s=asked.minutes * 60,
        every_s=asked.every,
        pools=asked.pools,
        children=asked.children,
        tasks=asked.tasks,
        only=tuple(asked.only),
    )


def _on_terminal(progress: Progress) -> None:
    print(f"\r\x1b[K{progress_line(progress)}", end="", flush=True)


def _in_file() -> Callable[[Progress], None]:
    """Prints a line now and then, however seldom it is called."""
    due_s = _LINE_EVERY_S

    def tell(progress: Progress) -> None:
        nonlocal due_s
        if progress.at_s >= due_s:
            due_s = progress.at_s + _LINE_EVERY_S
            print(progress_line(progress), flush=True)

    return tell


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(
        prog="bin/chaos",
        description="Run real pools against a faulty server, kill and break whatever there is, "
        "and judge what is left.",
        epilog=f"Kinds of trouble: {', '.join(KINDS)}.",
    )
    made.add_argument("--minutes", type=float, default=5, metavar="N", help="how long it blows")
    made.add_argument("--seed", type=int, metavar="S", help="draws the schedule; default: any")
    made.add_argument("--pools", type=int, default=3, metavar="N")
    made.add_argument("--children", type=int, default=4, metavar="N", help="of each pool")
    made.add_argument("--tasks", type=int, default=300, metavar="N", help="of 0.2 s each")
    made.add_argument(
        "--every", type=float, default=1, metavar="SECONDS", help="between two troubles, on average"
    )
    made.add_argument(
        "--only",
        action="append",
        default=[],
        choices=KINDS,
        metavar="KIND",
        help="this kind of trouble and no other; may be given again",
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
