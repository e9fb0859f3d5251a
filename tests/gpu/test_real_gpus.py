"""What only a real GPU can show: `bin/test -m gpu tests/gpu`, on a machine with one."""

import os
import signal
import subprocess

import pytest

from pool.child.load import same_device
from pool.gpu.probe_client import list_devices
from pool.gpu.visible import visible
from tests.fakes.running_pool import wait_until
from tests.gpu.notes import note_of_device

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(300)]

BACKEND = "tests.gpu.torch_backend:TorchBackend"
MIB = 1 << 20
HELD_BYTES = 20 * 10**9
LOADED_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def devices():
    snapshot = list_devices(os.environ, timeout_s=60)
    if not snapshot.devices:
        pytest.skip(f"no GPU here: {snapshot.error or 'NVML lists none'}")
    return snapshot.devices


@pytest.fixture
def start_on_gpus(devices, start):
    def pool(*flags, **settings):
        made = start(*flags, device="cuda", backend=BACKEND, **settings)
        wait_until(
            lambda: made.slots() and all(slot["state"] == "ready" for slot in made.slots()),
            "every slot ready",
            LOADED_WITHIN_S,
        )
        return made

    return pool


def nvidia_smi(what, *fields):
    """Rows of `nvidia-smi --query-…`, each a list of texts."""
    command = ["nvidia-smi", f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [[cell.strip() for cell in row.split(",")] for row in said.splitlines()]


def test_every_child_computes_on_the_device_of_its_slot(start_on_gpus, devices):
    pool = start_on_gpus()
    assigned = {slot["pid"]: slot["device"]["uuid"] for slot in pool.slots()}
    shown = visible(devices, os.environ.get("CUDA_VISIBLE_DEVICES"))
    assert sorted(assigned.values()) == sorted(device.uuid for device in shown)
    # Torch's word: in a container nvidia-smi names processes by the host's numbers.
    seen = {pid: note_of_device(pool.folder, pid).read_text() for pid in assigned}
    assert {pid for pid in assigned if same_device(assigned[pid], seen[pid])} == set(assigned), seen


def test_readings_are_those_of_nvidia_smi(start_on_gpus):
    pool = start_on_gpus()
    wait_until(lambda: all(slot["gpu"] for slot in pool.slots()), "readings")
    told = {slot["device"]["uuid"]: slot["gpu"] for slot in pool.slots()}
    if any(uuid.startswith("MIG-") for uuid in told):
        pytest.skip("nvidia-smi has no row for an instance of a split card")
    rows = nvidia_smi("gpu", "uuid", "memory.total", "memory.used", "temperature.gpu")
    listed = {uuid: [int(figure) for figure in figures] for uuid, *figures in rows}
    assert set(told) <= set(listed)
    for uuid, gpu in told.items():
        total, used, heat = listed[uuid]
        assert gpu["memory_total_bytes"] // MIB == total
        assert abs(gpu["memory_used_bytes"] // MIB - used) < 1024
        assert abs(gpu["temperature_c"] - heat) <= 10


def test_a_killed_childs_memory_is_back_before_the_next_child_starts(
    start_on_gpus, add, expect, devices
):
    """Twenty gigabytes, and the kernel's own way of giving them back."""
    expect(finished=False, files_may_stay=True)
    pool = start_on_gpus("--devices", devices[0].uuid, lease_duration_seconds=600)
    wait_until(lambda: all(slot["gpu"] for slot in pool.slots()), "readings")
    add("hold")
    wait_until((pool.folder / "holds").exists, "the memory held", LOADED_WITHIN_S)
    slot = lambda: pool.slots()[0]  # noqa: E731 - shorter so
    wait_until(lambda: slot()["gpu"]["memory_used_bytes"] > HELD_BYTES, "the memory read")
    os.kill(slot()["pid"], signal.SIGKILL)
    wait_until(lambda: slot()["incarnation"] == 2, "the next child", LOADED_WITHIN_S)
    assert slot()["gpu"]["memory_used_bytes"] < HELD_BYTES


def test_a_device_side_assert_and_too_little_memory_are_survived(
    start_on_gpus, add, expect, watch, server
):
    bad = [add("assert"), add("oom")]
    expect(may_fail=frozenset(bad))
    start_on_gpus(lease_duration_seconds=6, heartbeat_interval=1)
    watch.until_all(bad, "failed", within_s=200)
    good = [add() for _ in range(2)]
    watch.until_all(good, within_s=LOADED_WITHIN_S)
    for item in bad:
        assert server.item(item).error_message.startswith("crashed the worker twice")
