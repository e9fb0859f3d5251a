"""One child's work on one item, to be killed: `victim.py URL KEY JOURNAL_DIR TARGET LEASE`."""

import sys
from dataclasses import replace
from pathlib import Path

from inference.backend import CancelToken
from inference.runway.backend import RunwayBackend
from tests.integration.runway.sample import REQUEST, silent


def main() -> None:
    """Make the video; an exit code of 0 says that it lies at TARGET."""
    url, key, journal_dir, target, lease_id = sys.argv[1:]
    options = {"base_url": url, "api_key": key, "journal_dir": journal_dir}
    backend = RunwayBackend({**options, "poll_interval_s": 0.01})
    backend.load(silent)
    prepared = backend.prepare(replace(REQUEST, lease_id=lease_id))
    finished = backend.infer(prepared, silent, CancelToken())
    backend.encode(finished, Path(target), silent, CancelToken())


if __name__ == "__main__":
    main()
