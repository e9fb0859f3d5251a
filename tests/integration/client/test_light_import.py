import subprocess
import sys

HEAVY = ("torch", "diffusers", "pydantic", "numpy", "PIL", "av", "rich", "loguru")


def test_the_client_imports_nothing_heavy():
    code = (
        "import sys, client.worker_api, client.storage, client.session;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
