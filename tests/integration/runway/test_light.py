"""A child that waits for work must leave room for fifteen others on a small server."""

import subprocess
import sys

HEAVY = ("torch", "diffusers", "numpy", "PIL", "av", "pydantic", "yaml", "rich", "psutil")

SCRIPT = f"""
import sys
import pool.child.main
from inference.runway.backend import RunwayBackend
options = dict(api_key="key", base_url=sys.argv[1], journal_dir=sys.argv[2])
backend = RunwayBackend(options)
backend.load(lambda done, total: None)
assert backend.unavailable() is None
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_an_idle_child_holds_no_picture_code_and_nothing_that_reads_settings(runway, tmp_path):
    runway.set_keys("key")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, runway.url, tmp_path / "state"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"
