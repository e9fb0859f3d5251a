"""`bin/simulate`: run worlds by hand, a line of the table for each seed."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from tests.simulation.run import Result, simulate
from tests.simulation.settings import Crowd, Settings

_SHOWN = 10
_COLUMNS = (
    *("seed", "items", "completed", "failed", "leases", "lost", "again%", "double%"),
    *("losers", "stopped%", "polls", "requests", "troubles", "hours", "wall_s", "violations"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when every rule held in every world, 1 when not."""
    asked = _parser().parse_args(arguments)
    print(" ".join(f"{name:>10}" for name in _COLUMNS))
    failed = False
    for settings in _worlds(asked):
        result = simulate(settings)
        print(" ".join(f"{cell:>10}" for cell in _row(result)), flush=True)
        failed |= bool(result.violations)
        for line in told(result):
            print(line)
        if asked.digest:
            print(f"digest {result.history.digest()}")
    if not asked.no_racing:
        print(_racing(asked.seed, asked.tasks))
    return int(failed)


def _racing(seed: int, tasks: int) -> str:
    """The figure on which confirmation before work rests."""
    figures = simulate(Settings.racing(seed, tasks)).figures
    share = _percent(figures.losers_stopped, figures.losers)
    return (
        f"\ntwo pools polling the racing server, {figures.leases} leases: {figures.losers} losers, "
        f"of which {figures.losers_stopped} ({share} %) stopped before any GPU work"
    )


def told(result: Result) -> Iterator[str]:
    """What a person needs to follow a violation: the seed, the items' histories, the replay."""
    if not result.violations:
        return
    yield f"\nseed {result.settings.seed} broke {len(result.violations)} rules:"
    for violation in result.violations[:_SHOWN]:
        yield f"  {violation}"
    crowd = result.settings.crowd
    for item in list(dict.fromkeys(v.item for v in result.violations if v.item))[:2]:
        yield f"\nthe whole history of {item}:"
        yield from (event.line() for event in result.history.of_item(item))
    yield (
        f"\nreplay: bin/simulate --seed {result.settings.seed} --tasks {crowd.tasks} "
        f"--faults {crowd.faults} --pools {crowd.pools} --children {crowd.children}"
        + ("" if crowd.bursts else " --backlog")
    )


def _worlds(asked: argparse.Namespace) -> Iterator[Settings]:
    crowd = Crowd(asked.pools, asked.children, asked.tasks, asked.faults, not asked.backlog)
    for seed in range(asked.seed, asked.seed + asked.seeds):
        yield Settings.of_seed(seed, crowd)


def _row(result: Result) -> list[str]:
    figures = result.figures
    return [
        str(result.settings.seed),
        *(str(n) for n in (figures.items, figures.completed, figures.failed)),
        str(figures.leases),
        str(figures.lost),
        _percent(figures.again, figures.inferences),
        _percent(figures.doubled, figures.inferences),
        str(figures.losers),
        _percent(figures.losers_stopped, figures.losers),
        str(figures.polls),
        str(figures.requests),
        str(result.troubles),
        f"{result.virtual_s / 3600:.1f}",
        f"{result.wall_s:.1f}",
        str(len(result.violations)),
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "-"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many worlds, one seed each")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=2_000)
    parser.add_argument("--pools", type=int, default=3)
    parser.add_argument("--children", type=int, default=4, help="of each pool")
    parser.add_argument("--backlog", action="store_true", help="all tasks wait from the start")
    parser.add_argument("--digest", action="store_true", help="print the hash of the whole log")
    parser.add_argument("--no-racing", action="store_true", help="leave the last figure out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
