"""A child that waits for work must leave room for fifteen others on a small server."""

import subprocess
import sys

HEAVY = ("torch", "diffusers", "numpy", "PIL", "av")
OWN_SHARE_MIB = 8

SCRIPT = f"""
import sys, loguru, psutil, pydantic.main, requests
before = psutil.Process().memory_info().rss
from inference.registry import backend_class
from inference.runway.backend import RunwayBackend
options = dict(api_key="key", base_url=sys.argv[1], journal_dir=sys.argv[2])
backend = RunwayBackend(options)
backend.load(lambda done, total: None)
assert backend.unavailable() is None
print([name for name in {HEAVY} if name in sys.modules])
print((psutil.Process().memory_info().rss - before) / 2**20)
"""


def test_an_idle_backend_holds_no_picture_code_and_adds_little_to_its_child(runway, tmp_path):
    runway.set_keys("key")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, runway.url, tmp_path / "state"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    heavy, share_mib = done.stdout.splitlines()
    assert heavy == "[]"
    assert float(share_mib) < OWN_SHARE_MIB
