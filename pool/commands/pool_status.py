"""`bin/pool-status`: reads the status file and says what it holds. Imports no torch.

Works while the pool runs, after it crashed, and when there is none.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pool.exit_codes import StatusExitCode
from pool.state_dir import StateDir
from pool.status.status_file import Found, NoPool, read_status
from pool.status.verdict import one_line, verdict


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(
        prog="pool-status",
        description="Show the health of the pool and of each slot.",
        epilog="Exit code: 0 every slot works, 1 some do not, 2 none does or the status is stale, "
        "3 no pool.",
    )
    flags.add_argument("--json", action="store_true", help="print the status as JSON")
    flags.add_argument("--health", action="store_true", help="print one line, for a HEALTHCHECK")
    flags.add_argument(
        "--state-dir",
        type=Path,
        default=Path(os.environ.get("POOL_STATE_DIR") or "./state"),
        help="the pool's state folder (default: POOL_STATE_DIR, or ./state)",
    )
    return flags


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code."""
    flags = parser().parse_args(arguments)
    try:
        found = read_status(StateDir(flags.state_dir))
    except NoPool as error:
        print(f"pool-status: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return StatusExitCode.NO_POOL
    _show(found, flags)
    return verdict(found)


def _show(found: Found, flags: argparse.Namespace) -> None:
    if flags.json:
        print(found.status.model_dump_json(by_alias=True, indent=1))  # noqa: T201 - likewise
    elif flags.health:
        print(one_line(found))  # noqa: T201 - likewise
    else:
        from rich.console import Console

        from pool.status.table import screen

        console = Console()
        console.print(screen(found, console.width))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
