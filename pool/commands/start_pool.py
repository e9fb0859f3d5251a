"""`bin/start-pool`: reads the settings, plans the slots and runs the supervisor.

Runs in the parent process, which stays light: no torch, no call to the Worker API.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pool.commands.flag_parser import FlagParser
from pool.commands.host_checks import limits
from pool.commands.plan_pool import NoDevice, Plan, plan
from pool.commands.preflight import Fetch, KeyRefused, NotNow, preflight
from pool.commands.run_pool import PoolRunning, run
from pool.core_dumps import forbid_core_dumps
from pool.errors import ConfigError
from pool.exit_codes import ExitCode
from pool.settings.sources import load
from pool.standard_streams import secure_standard_streams


def parser() -> FlagParser:
    """The command's flags; each that takes a value, but --config, is a setting of its own name."""
    flags = FlagParser(
        prog="start-pool",
        description="Start one worker for every visible GPU and keep them alive.",
        epilog="Exit code: 0 drained, 1 no download at the moment, 2 wrong setting, "
        "3 no usable device, 4 key refused, 5 every slot quarantined, 8 the state folder is in "
        "use, 9 stopped.",
    )
    flags.add_argument("--config", type=Path, metavar="FILE", help="a YAML file; see configs/")
    flags.add_argument("--mode", metavar="wan|runway", help="what makes the videos")
    flags.add_argument("--workers", metavar="N", help="number of children without a GPU")
    flags.add_argument("--devices", metavar="LIST", help="GPUs to use: indices or UUIDs")
    flags.add_argument("--device", metavar="cuda|cpu", help="cpu: compute without a GPU")
    flags.add_argument("--state-dir", metavar="DIR", help="status, locks, ledger (./state)")
    flags.add_argument("--max-tasks", metavar="N", help="drain after N finished tasks")
    flags.add_argument("--log-format", metavar="text|json", help="the form of log lines")
    flags.add_argument("--http", metavar="HOST:PORT", help="serve the status page there")
    flags.add_argument("--dry-run", action="store_true", help="print the plan and end")
    flags.add_argument("--check", action="store_true", help="prove what the pool needs, and end")
    flags.add_argument("--download", action="store_true", help="fetch the weights and end")
    return flags


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code."""
    forbid_core_dumps()
    flags = vars(parser().parse_args(arguments))
    config, dry_run, download = (flags.pop(name) for name in ("config", "dry_run", "download"))
    checks_only = flags.pop("check")
    try:
        loaded = load(flags, os.environ, config, Path.cwd())
        _warn(loaded.warnings)
        if checks_only:
            from pool.commands.check_pool import check

            return check(loaded, os.environ)
        if download:
            preflight(loaded, (), os.environ, "all")
            return ExitCode.CLEAN
        planned = plan(loaded.settings, os.environ)
        _warn((*planned.warnings, *_low_limits(planned)))
        fetch: Fetch = "never" if dry_run else "missing"
        memory = preflight(loaded, planned.slots, os.environ, fetch)
    except ConfigError as error:
        return _refuse(str(error), ExitCode.CONFIG)
    except NoDevice as error:
        return _refuse(str(error), ExitCode.NO_DEVICE)
    except KeyRefused as error:
        return _refuse(str(error), ExitCode.UNAUTHORIZED)
    except NotNow as error:
        return _refuse(str(error), ExitCode.NOT_NOW)
    except KeyboardInterrupt:
        return _refuse("interrupted before anything was started", ExitCode.STOPPED)
    if dry_run:
        from pool.commands.dry_run import print_plan

        print_plan(loaded, planned, memory)
        return ExitCode.CLEAN
    return _run(planned)


def _run(planned: Plan) -> int:
    try:
        return run(planned, os.environ)
    except ConfigError as error:
        return _refuse(str(error), ExitCode.CONFIG)
    except NoDevice as error:
        return _refuse(str(error), ExitCode.NO_DEVICE)
    except PoolRunning as error:
        return _refuse(str(error), ExitCode.ALREADY_RUNNING)


def _low_limits(planned: Plan) -> Iterator[str]:
    for found in limits(len(planned.slots)):
        if not found.ok:
            yield f"{found.what}: {found.words}; {found.remedy}"


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"start-pool: warning: {warning}", file=sys.stderr)  # noqa: T201 - before the log


def _refuse(sentence: str, code: ExitCode) -> int:
    print(f"start-pool: {sentence}", file=sys.stderr)  # noqa: T201 - the command's output
    return code


if __name__ == "__main__":
    secure_standard_streams()
    sys.exit(main(sys.argv[1:]))
