"""A child that waits for work must leave room for fifteen others on a small server."""

import subprocess
import sys

HEAVY = ("torch", "diffusers", "numpy", "PIL", "av", "pydantic", "yaml", "rich", "psutil")
CHILD_MIB = 45

SCRIPT = f"""
import resource, sys
import pool.child.main
from inference.runway.backend import RunwayBackend
options = dict(api_key="key", base_url=sys.argv[1], journal_dir=sys.argv[2])
backend = RunwayBackend(options)
backend.load(lambda done, total: None)
assert backend.unavailable() is None
print([name for name in {HEAVY} if name in sys.modules])
print(int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20)
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
    heavy, resident_mib = done.stdout.splitlines()
    assert heavy == "[]"
    assert float(resident_mib) < CHILD_MIB
