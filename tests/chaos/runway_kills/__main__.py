"""`python -m tests.chaos.runway_kills`: kill children of a Runway pool, and count what was paid."""

import argparse
import random
import shutil
import sys
from collections.abc import Iterator, Sequence

from tests.chaos.runway_kills.run import Plan, Result, kill_children
from tests.chaos.runway_kills.strikes import PHASES

_SHOWN = 20
_TELL_EVERY = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when nothing was broken, 1 when something was."""
    asked = parser().parse_args(arguments)
    seed = random.SystemRandom().randrange(100_000) if asked.seed is None else asked.seed
    plan = Plan(seed, asked.kills, asked.workers)
    print(f"seed {seed}: {plan.kills} kills among {plan.workers} children", flush=True)
    result = kill_children(plan, _tell)
    for line in told(result):
        print(line)
    if not result.broken:
        shutil.rmtree(result.folder)
    return int(bool(result.broken))


def told(result: Result) -> Iterator[str]:
    """What came of it, in lines."""
    yield f"kills       {result.phases.total()}"
    yield from (f"            {result.phases[phase]:>4} {phase}" for phase in PHASES)
    yield f"tasks       {result.tasks}: {result.completed} completed"
    yield f"bought      {result.bought} at Runway, {result.in_vain} of them a second time"
    yield f"resumed     {result.resumed} tasks taken up by another lease"
    yield f"broken      {len(result.broken)}"
    yield from (f"  {sentence}" for sentence in result.broken[:_SHOWN])
    if result.broken:
        yield f"everything that was written lies in {result.folder}; the seed is {result.plan.seed}"


def _tell(kills: int) -> None:
    if kills % _TELL_EVERY == 0:
        print(f"{kills} kills", flush=True)


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(prog="python -m tests.chaos.runway_kills", description=__doc__)
    made.add_argument("--kills", type=int, default=200, metavar="N")
    made.add_argument("--seed", type=int, metavar="S", help="draws the moments; default: any")
    made.add_argument("--workers", type=int, default=10, metavar="N", help="children of the pool")
    return made


if __name__ == "__main__":
    sys.exit(main())
