"""What only a real GPU can show: `bin/test -m gpu tests/gpu`, on a machine with one."""

import os
import signal
import subprocess
import sys

import pynvml
import pytest

from pool.child.load import same_device
from pool.exit_codes import ExitCode
from pool.gpu.nvml import REMEDIES
from pool.gpu.probe_client import list_devices
from pool.gpu.visible import visible
from tests.fakes.running_pool import ROOT, wait_until
from tests.gpu import smi
from tests.gpu.notes import note_of, notes_in

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.usefixtures("gpu_alone"),
    # Waiting for its turn on the GPU is no part of a test's time.
    pytest.mark.timeout(300, func_only=True),
]

BACKEND = "tests.gpu.torch_backend:TorchBackend"
NO_DRIVER = REMEDIES[pynvml.NVML_ERROR_LIBRARY_NOT_FOUND]
NOWHERE = "GPU-00000000-0000-4000-8000-000000000000"
MIB = 1 << 20
GIB = 1 << 30
LOADED_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def devices():
    """The devices that CUDA shows. Whoever has a driver has tests: only its absence skips them."""
    snapshot = list_devices(os.environ, timeout_s=60)
    if snapshot.error == NO_DRIVER:
        pytest.skip(f"no GPU here: {NO_DRIVER}")
    assert snapshot.error is None
    assert snapshot.problems == ()
    shown = visible(snapshot.devices, os.environ.get("CUDA_VISIBLE_DEVICES"))
    assert shown, f"CUDA_VISIBLE_DEVICES shows none of {len(snapshot.devices)} GPUs"
    return shown


@pytest.fixture
def start_on_gpus(devices, start):
    def pool(*flags, **settings):
        made = start(*flags, device="cuda", backend=BACKEND, **settings)
        wait_until(
            lambda: made.slots() and all(slot["state"] == "ready" for slot in made.slots()),
            "every slot ready",
            LOADED_WITHIN_S,
        )
        wait_until(lambda: all(slot["gpu"] for slot in made.slots()), "readings")
        return made

    return pool


def whole_cards(slots):
    """The slots that have a card for themselves: nvidia-smi has no row for a part of one."""
    return [slot for slot in slots if not slot["device"]["uuid"].startswith("MIG-")]


def test_every_child_computes_on_the_device_of_its_slot(start_on_gpus, devices):
    pool = start_on_gpus()
    assigned = {slot["pid"]: slot["device"]["uuid"] for slot in pool.slots()}
    assert sorted(assigned.values()) == sorted(device.uuid for device in devices)
    seen = {pid: note_of(pool.folder, pid).uuid for pid in assigned}
    assert {pid for pid in assigned if same_device(assigned[pid], seen[pid])} == set(assigned), seen
    computing = smi.devices_of_processes()
    # In a container it names processes by the host's numbers: then torch's word has to do.
    if computing.keys() >= assigned.keys():
        whole = {slot["pid"]: slot["device"]["uuid"] for slot in whole_cards(pool.slots())}
        assert {pid: computing[pid] for pid in whole} == whole


LOAD = """
import sys
from pool.child.load import loaded
from tests.gpu.torch_backend import TorchBackend
end = loaded(TorchBackend({}), sys.argv[1], lambda done, total: None)
print(end.reason if end else "loaded")
sys.exit(end.code if end else 0)
"""


@pytest.fixture
def load(tmp_path):
    """Loads the backend, pinned to `shown`, in a child's stead, for a slot of `assigned`."""

    def run(shown, assigned):
        return subprocess.run(
            [sys.executable, "-c", LOAD, assigned],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": shown},
            capture_output=True,
            text=True,
            timeout=LOADED_WITHIN_S,
            check=False,
        )

    return run


def test_a_child_pinned_to_a_device_that_is_not_there_computes_on_no_other(load, devices, tmp_path):
    there = devices[0].uuid
    ended = load(there, there)
    assert (ended.returncode, ended.stdout) == (0, "loaded\n"), ended.stderr
    assert len(notes_in(tmp_path)) == 1
    ended = load(NOWHERE, NOWHERE)
    assert ended.returncode in (ExitCode.NO_DEVICE, ExitCode.DEVICE_UNFIT), ended.stderr
    assert len(notes_in(tmp_path)) == 1, "it has computed somewhere"


def test_a_child_on_another_device_than_its_slots_ends(load, devices):
    ended = load(devices[0].uuid, NOWHERE)
    assert ended.returncode == ExitCode.NO_DEVICE, ended.stderr
    assert ended.stdout.endswith(f"is in use, {NOWHERE} was assigned\n")


MAY_DIFFER_BY = {
    "index": 0,
    "memory_total_mib": 1,
    "memory_used_mib": 64,
    "temperature_c": 5,
    "power_w": 30,
    "utilization_percent": 30,
    "ecc_uncorrected": 0,
}
"""What may lie between two readings of an idle card, up to two seconds apart."""


def figures_of(slot):
    gpu = slot["gpu"]
    return {
        "index": slot["device"]["index"],
        "memory_total_mib": gpu["memory_total_bytes"] / MIB,
        "memory_used_mib": gpu["memory_used_bytes"] / MIB,
        **{name: gpu[name] for name in MAY_DIFFER_BY if name in gpu},
    }


def differences(slot, card):
    """Where the slot's reading and nvidia-smi's differ: ours, then theirs."""
    gpu, ours = slot["gpu"], figures_of(slot)
    pairs = {name: (ours[name], card.figures[name]) for name in MAY_DIFFER_BY}
    found = {name: pair for name, pair in pairs.items() if not near(*pair, MAY_DIFFER_BY[name])}
    brakes = None if gpu["throttled_by"] is None else frozenset(gpu["throttled_by"])
    if brakes != card.brakes:
        found["throttled_by"] = brakes, card.brakes
    if gpu["rows_remapped"] != card.rows_remapped:
        found["rows_remapped"] = gpu["rows_remapped"], card.rows_remapped
    if card.rows_remapped is not None and gpu["repair_pending"] != card.repair_pending:
        found["repair_pending"] = gpu["repair_pending"], card.repair_pending
    return found


def near(ours, theirs, by):
    return ours is theirs if None in (ours, theirs) else abs(ours - theirs) <= by


def test_readings_are_those_of_nvidia_smi(start_on_gpus, devices):
    pool = start_on_gpus()
    slots = whole_cards(pool.slots())
    if not slots:
        pytest.skip("nvidia-smi has no row for an instance of a split card")
    listed = smi.cards()
    bus_ids = {device.uuid: device.pci_bus_id.upper() for device in devices}
    uuids = [slot["device"]["uuid"] for slot in slots]
    assert {u: listed[u].bus_id.upper() for u in uuids} == {u: bus_ids[u] for u in uuids}
    found = {}

    def agree():
        cards = smi.cards()
        now = {slot["slot"]: slot for slot in whole_cards(pool.slots())}
        found.clear()
        for name, slot in now.items():
            if different := differences(slot, cards[slot["device"]["uuid"]]):
                found[name] = different
        return not found

    # A figure that moves is read at two moments; one that is wrong stays wrong.
    try:
        wait_until(agree, "the same figures")
    except AssertionError:
        pytest.fail(f"the pool's reading and nvidia-smi's differ: {found}")


def lives_until(pool, over):
    """Every different status of the pool's first slot, until `over` is true of one."""
    seen = []

    def look():
        slot = pool.slots()[0]
        if not seen or slot != seen[-1]:
            seen.append(slot)
        return over(slot)

    wait_until(look, "the next child ready", LOADED_WITHIN_S)
    return seen


def test_a_killed_childs_memory_is_back_before_the_next_child_starts(
    start_on_gpus, add, expect, devices
):
    """Twenty gigabytes, and the kernel's own way of giving them back."""
    expect(finished=False, files_may_stay=True)
    pool = start_on_gpus("--devices", devices[0].uuid, lease_duration_seconds=600)
    [empty] = pool.slots()
    add("hold")
    holds = pool.folder / "holds"
    held_bytes = int(
        wait_until(lambda: holds.exists() and holds.read_text(), "memory held", LOADED_WITHIN_S)
    )
    used = lambda slot: slot["gpu"]["memory_used_bytes"]  # noqa: E731 - shorter so
    wait_until(lambda: used(pool.slots()[0]) > held_bytes, "the memory read")
    os.kill(empty["pid"], signal.SIGKILL)
    seen = lives_until(pool, lambda slot: slot["incarnation"] == 2 and slot["state"] == "ready")
    told = [(slot["incarnation"], slot["state"], slot["reason"], used(slot)) for slot in seen]
    started = next(slot for slot in seen if slot["incarnation"] == 2)
    # Only a reading from after the death can show that.
    assert used(started) < used(empty) + GIB, told
    before, after = (note_of(pool.folder, slot["pid"]).free_bytes for slot in (empty, seen[-1]))
    assert after > before - GIB, told


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("assert", "device-side assert triggered"), ("oom", "CUDA out of memory")],
)
def test_a_task_that_breaks_its_device_costs_two_children_and_no_other_task(
    start_on_gpus, add, expect, watch, server, prompt, words
):
    pool = start_on_gpus(lease_duration_seconds=6, heartbeat_interval=1)
    bad = add(prompt)
    expect(may_fail=frozenset({bad}))
    watch.until_all([bad], "failed", within_s=200)
    assert server.item(bad).error_message == "crashed the worker twice: the device failed over it"
    assert sum(slot["restarts"] for slot in pool.slots()) >= 2
    deaths = [line for line in pool.said.splitlines() if " ended: " in line and words in line]
    assert len(deaths) == 2, pool.said[-3000:]
    watch.until_all([add() for _ in range(2)], within_s=LOADED_WITHIN_S)
