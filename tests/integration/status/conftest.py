"""A staged pool of eight GPUs, and a status page that shows it."""

import subprocess
import sys

import pytest

from pool.status.schema import SlotDevice
from tests.fakes.living_pool import LivingPool
from tests.fakes.running_pool import ROOT
from tests.unit.pool.status.sample import CURRENT, GIB, GPU, LAST_EXIT, slot, status

STATES = ("busy", "busy", "starting", "ready", "backoff", "quarantined", "busy", "busy")
REASONS = {
    "starting": "starting",
    "backoff": "killed by SIGSEGV; starting again in 4 s",
    "quarantined": "quarantined: died 5 times in 10 minutes, the last time: killed by SIGSEGV",
}


def staged_slot(number, state):
    share = (7 + number * 13) % 100 / 100
    task = {"progress": share, "step": int(share * 50), "eta_s": round(93 * (1 - share), 1)}
    return slot(
        f"gpu{number}",
        state,
        device=SlotDevice(uuid=f"GPU-{number}", name="NVIDIA H200", index=number),
        gpu=GPU.model_copy(
            update={
                "memory_used_bytes": (38 + number) * GIB,
                "temperature_c": 58 + 3 * number,
                "utilization_percent": 98 if state == "busy" else 0,
            }
        ),
        current=CURRENT.model_copy(update=task) if state == "busy" else None,
        last_exit=LAST_EXIT if state in ("backoff", "quarantined") else None,
        restarts={"backoff": 1, "quarantined": 5}.get(state, 0),
        reason=REASONS.get(state),
    )


@pytest.fixture
def pool(tmp_path):
    """Eight slots in every state, with a few hours behind them."""
    with LivingPool(tmp_path / "state") as living:
        living.show(status(*(staged_slot(n, state) for n, state in enumerate(STATES))))
        living.polled(empty_for_s=82)
        living.sampled(hours=5.5, slots=8)
        for number in range(1450):
            stages = {"download": 1.5, "confirm": 2.0, "infer": 88.0 + number % 9, "encode": 5.0}
            living.end_lease(19_000 - 13 * number, f"gpu{number % 8}", **stages, upload=2.5)
        yield living


@pytest.fixture
def serve():
    """Starts `bin/pool-status --http` on a free port; the process and its URL."""
    processes = []

    def start(state_dir, *flags):
        process = subprocess.Popen(
            [ROOT / "bin" / "pool-status", "--http", "127.0.0.1:0", "--state-dir", state_dir],
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        processes.append(process)
        line = process.stdout.readline()
        return process, line.rpartition(" ")[2].strip()

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
