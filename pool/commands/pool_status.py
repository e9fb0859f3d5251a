"""`bin/pool-status`: reads the status file and says what it holds. Imports no torch.

Works while the pool runs, after it crashed, and when there is none.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pool.commands.flag_parser import FlagParser
from pool.exit_codes import StatusExitCode
from pool.state_dir import StateDir
from pool.status.observer import Look, Observer

_EVERY_S = 1.0


def parser() -> FlagParser:
    """The command's flags."""
    flags = FlagParser(
        prog="pool-status",
        description="Show the health of the pool and of each slot.",
        epilog="Exit code: 0 every slot works, 1 some do not, 2 none does or the status is stale, "
        "3 no pool.",
    )
    flags.add_argument("--json", action="store_true", help="print the status as JSON")
    flags.add_argument("--health", action="store_true", help="print one line, for a HEALTHCHECK")
    flags.add_argument(
        "--watch", action="store_true", help="go on until Ctrl-C; in a pipe, a line for each change"
    )
    flags.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="serve the status page, /healthz and /metrics, as 127.0.0.1:9400",
    )
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
    if flags.http is not None:
        from pool.web.main import serve

        return serve(flags.state_dir, flags.http)
    observer = Observer(StateDir(flags.state_dir))
    if flags.watch:
        return _watch(observer, flags)
    look = observer.look()
    if look.found is None:
        print(f"pool-status: {look.missing}", file=sys.stderr)  # noqa: T201 - the command's output
        return StatusExitCode.NO_POOL
    _show(look, flags)
    return look.exit_code


def _show(look: Look, flags: argparse.Namespace) -> None:
    if flags.json:
        print(look.json(indent=1))  # noqa: T201 - likewise
    elif flags.health:
        print(look.line)  # noqa: T201 - likewise
    else:
        from pool.status.view import console_for_stdout, show

        show(look, console_for_stdout())


def _watch(observer: Observer, flags: argparse.Namespace) -> int:
    if flags.json:
        return _stream(observer)
    from pool.status.view import console_for_stdout, watch

    return watch(observer.look, console_for_stdout(), _EVERY_S).exit_code


def _stream(observer: Observer) -> int:
    """The status as one line of JSON a second, until Ctrl-C or until nobody reads."""
    look = observer.look()
    try:
        while True:
            if look.found is not None:
                print(look.json(), flush=True)  # noqa: T201 - likewise
            time.sleep(_EVERY_S)
            look = observer.look()
    except (KeyboardInterrupt, BrokenPipeError):
        return look.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
