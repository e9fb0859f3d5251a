"""The probe: a real process, the real nvidia-ml-py, and a C library in the driver's place."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import psutil
import pynvml
import pytest

from pool.gpu import probe_client
from pool.gpu.probe_client import HUNG, ProbeClient, list_devices
from pool.gpu.probe_process import PROJECT_ROOT
from pool.gpu.readings import Brake, Recovery
from tests.fakes.nvml import ErrorCode, FakeGpu, cards

A, B = (gpu.uuid for gpu in cards(2))


@pytest.fixture
def client(environ):
    client = ProbeClient.on_this_host(environ, [A, B])
    yield client
    client.close()


def next_telemetry(client, wanted=lambda telemetry: True, within_s=20):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        telemetry = client.poll(time.monotonic())
        if telemetry is not None and wanted(telemetry):
            return telemetry
        time.sleep(0.02)
    raise AssertionError("the telemetry that was waited for did not come")


def readings_of(telemetry):
    return telemetry.snapshot.readings if telemetry.snapshot else {}


NAMES_OF_NVML = re.compile(r"\bpynvml\.(\w+)")


def test_the_pinned_binding_has_every_name_that_is_used():
    """Most are looked up only once a card tells something: an older package would fail there."""
    pins = (PROJECT_ROOT / "requirements-runway.txt").read_text().splitlines()
    assert f"nvidia-ml-py=={version('nvidia-ml-py')}" in pins
    sources = [path.read_text() for path in (PROJECT_ROOT / "pool" / "gpu").glob("*.py")]
    used = {name for source in sources for name in NAMES_OF_NVML.findall(source)}
    assert "nvmlInit" in used
    assert {name for name in used if not hasattr(pynvml, name)} == set()


def test_the_devices_are_listed_in_the_order_of_their_bus_ids(environ):
    listing = list_devices(environ, timeout_s=20)
    assert listing.error is None
    assert [(d.index, d.uuid, d.pci_bus_id) for d in listing.devices] == [
        (0, A, "00000000:01:00.0"),
        (1, B, "00000000:02:00.0"),
    ]


def test_a_split_card_is_listed_as_its_instances(control, environ):
    control.change(0, mig=1)
    control.gpus += [FakeGpu(uuid=f"MIG-{n}", parent=A, memory=10) for n in range(2)]
    control.write()
    listing = list_devices(environ, timeout_s=20)
    assert [(d.index, d.uuid) for d in listing.devices] == [(0, "MIG-0"), (0, "MIG-1"), (1, B)]
    assert {d.pci_bus_id for d in listing.devices[:2]} == {"00000000:01:00.0"}


def test_a_card_that_does_not_open_is_told_and_hides_no_other(control, environ):
    control.change(0, error=ErrorCode.GPU_IS_LOST)
    listing = list_devices(environ, timeout_s=20)
    assert [device.uuid for device in listing.devices] == [B]
    assert listing.problems == ("GPU 0 cannot be opened (GPU is lost); see dmesg for its Xid",)
    assert not listing.incomplete, "NVML is sure of it"


def test_a_card_that_does_not_open_for_another_reason_may_be_there_and_well(control, environ):
    control.change(0, error=ErrorCode.UNKNOWN)
    listing = list_devices(environ, timeout_s=20)
    assert [device.uuid for device in listing.devices] == [B]
    assert (len(listing.problems), listing.incomplete) == (1, True)


def test_a_machine_without_a_driver_is_told_what_to_install(no_driver):
    listing = list_devices({**os.environ, **no_driver}, timeout_s=20)
    assert listing.devices == ()
    assert "libnvidia-ml.so.1 is not here; install NVIDIA's driver" in listing.error


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (ErrorCode.DRIVER_NOT_LOADED, "run nvidia-smi"),
        (ErrorCode.LIB_RM_VERSION_MISMATCH, "restart the machine"),
        (ErrorCode.UNKNOWN, "run nvidia-smi"),
    ],
)
def test_a_library_that_does_not_start_is_told_with_the_remedy(control, environ, code, remedy):
    control.break_library(code)
    assert remedy in list_devices(environ, timeout_s=20).error


def test_a_listing_that_hangs_ends_at_its_deadline(control, environ):
    control.hang()
    started = time.monotonic()
    assert list_devices(environ, timeout_s=1).error == HUNG
    assert time.monotonic() - started < 10


def test_every_reading_comes_through_the_real_binding(control, client):
    control.change(
        1, used=5, temperature=81, power=612_500, utilization=97, ecc=2, processes="41:3,42:2"
    )
    reading = readings_of(next_telemetry(client))[B]
    assert (reading.memory_used_bytes, reading.temperature_c, reading.power_w) == (5, 81, 612.5)
    assert (reading.utilization_percent, reading.ecc_uncorrected) == (97, 2)
    assert [(process.pid, process.used_bytes) for process in reading.processes] == [
        (41, 3),
        (42, 2),
    ]
    assert not reading.lost
    assert reading.last_xid is None
    assert 0 <= time.monotonic() - reading.taken_at < 20
    assert 0 <= time.time() - reading.sampled_at < 20


def test_memory_in_use_is_without_the_drivers_reserve_where_the_driver_can_tell(control, client):
    control.change(0, used=5, reserved=600)
    control.change(1, used=5, reserved=-1)
    readings = readings_of(next_telemetry(client))
    assert [readings[uuid].memory_used_bytes for uuid in (A, B)] == [5, 5]


def test_a_cards_condition_comes_through_the_real_binding(control, client):
    control.change(0, rows=3, repair_pending=1, repair_failed=1, brakes=0x20 | 0x04, recovery=4)
    control.change(1, pages=2, recovery=1)
    readings = readings_of(next_telemetry(client))
    first, second = readings[A], readings[B]
    assert (first.rows_remapped, first.pages_retired) == (3, None)
    assert (first.repair_pending, first.repair_failed) == (True, True)
    assert first.throttled_by == (Brake.POWER_CAP, Brake.HEAT)
    assert (first.recovery, second.recovery) == (Recovery.LATER, Recovery.RESET)
    assert (second.rows_remapped, second.pages_retired) == (None, 2)
    assert (second.repair_pending, second.repair_failed) == (False, None)


@pytest.mark.parametrize("code", [ErrorCode.GPU_IS_LOST, ErrorCode.RESET_REQUIRED])
def test_a_lost_device_is_lost_and_the_others_go_on(control, client, code):
    next_telemetry(client)
    control.change(0, error=code)
    telemetry = next_telemetry(client, lambda t: readings_of(t)[A].lost)
    assert readings_of(telemetry)[A].memory_used_bytes is None
    assert readings_of(telemetry)[B].temperature_c == 40


def test_a_device_that_vanishes_from_the_bus_is_lost(control, client):
    next_telemetry(client)
    del control.gpus[0]
    control.write()
    telemetry = next_telemetry(client, lambda t: readings_of(t)[A].lost)
    assert not readings_of(telemetry)[B].lost


@pytest.mark.parametrize("code", [ErrorCode.NOT_SUPPORTED, ErrorCode.UNKNOWN])
def test_readings_that_nvml_refuses_are_missing_not_lost(control, client, code):
    next_telemetry(client)
    control.change(0, error=code)
    telemetry = next_telemetry(client, lambda t: readings_of(t)[A].temperature_c is None)
    reading = readings_of(telemetry)[A]
    assert (reading.lost, reading.processes, reading.power_w) == (False, None, None)
    assert (reading.recovery, reading.throttled_by, reading.repair_pending) == (None, None, None)


def test_readings_stay_with_their_device_when_the_order_changes(control, client):
    control.change(1, temperature=77)
    next_telemetry(client)
    control.gpus.reverse()
    control.write()
    for _ in range(2):
        telemetry = next_telemetry(client)
    assert readings_of(telemetry)[B].temperature_c == 77


def test_the_newest_xid_is_kept_for_its_device_and_none_is_forgotten(control, client):
    next_telemetry(client)
    control.xid(1, 48)
    next_telemetry(client, lambda t: readings_of(t)[B].last_xid == 48)
    control.xid(1, 45)
    telemetry = next_telemetry(client, lambda t: readings_of(t)[B].last_xid == 45)
    assert readings_of(telemetry)[B].xids == {48: 1, 45: 1}
    assert readings_of(telemetry)[A].last_xid is None


def test_a_probe_that_hangs_is_replaced_and_readings_come_back(control, client, monkeypatch):
    monkeypatch.setattr(probe_client, "LINE_S", 1.5)  # the wait itself is measured elsewhere
    next_telemetry(client)
    control.hang()
    assert next_telemetry(client, lambda t: t.snapshot is None).reason == HUNG
    control.hang(False)
    assert A in readings_of(next_telemetry(client, lambda t: t.snapshot is not None))


def test_a_card_over_which_nvml_hangs_is_unknown_and_hides_no_other(control, client, monkeypatch):
    monkeypatch.setattr(probe_client, "LINE_S", 1.5)  # the waits themselves are measured elsewhere
    monkeypatch.setattr(probe_client, "RENEW_S", 3)
    next_telemetry(client)
    control.change(0, hang=1)
    telemetry = next_telemetry(client, lambda t: t.snapshot and A not in readings_of(t))
    assert telemetry.snapshot.incomplete, "nobody says that it is lost"
    assert readings_of(telemetry)[B].temperature_c == 40
    control.change(0, hang=0)
    assert A in readings_of(next_telemetry(client, lambda t: A in readings_of(t)))


def test_a_driver_that_comes_back_is_found(control, client):
    control.break_library(ErrorCode.DRIVER_NOT_LOADED)
    assert next_telemetry(client).snapshot is None
    control.break_library(ErrorCode.NONE)
    assert A in readings_of(next_telemetry(client, lambda t: t.snapshot is not None))


def test_no_gpu_in_nvmls_list_is_trouble_with_nvml_and_says_nothing_of_any_device(control, client):
    control.gpus.clear()
    control.write()
    telemetry = next_telemetry(client)
    assert telemetry.snapshot is None
    assert telemetry.reason.startswith("NVML lists no GPU; run nvidia-smi")


def test_a_device_that_was_gone_when_the_probe_began_is_found_once_it_is_back(
    control, client, monkeypatch
):
    monkeypatch.setattr(probe_client, "RENEW_S", 1.5)  # the wait itself is measured elsewhere
    control.change(0, error=ErrorCode.GPU_IS_LOST)
    assert list(readings_of(next_telemetry(client))) == [B]
    control.change(0, error=ErrorCode.NONE)
    telemetry = next_telemetry(client, lambda t: A in readings_of(t))
    assert not readings_of(telemetry)[A].lost


def start_probe(environ):
    return subprocess.Popen(
        [sys.executable, "-m", "pool.gpu.probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT_ROOT,
        env=environ,
    )


def test_the_probe_prints_a_line_of_json_and_ends_with_its_stdin(environ):
    with start_probe(environ) as probe:
        lines = iter(probe.stdout.readline, b"")
        assert list(json.loads(next(line for line in lines if b"{" in line))["readings"]) == [A, B]
        probe.stdin.close()
        assert probe.wait(10) == 0


def test_the_probe_ends_with_its_stdin_even_while_nvml_hangs(control, environ):
    with start_probe(environ) as probe:
        probe.stdout.readline()
        control.hang()
        time.sleep(1.5)  # by now it is inside the call that never returns
        probe.stdin.close()
        assert probe.wait(10) == 0


PARENT = """
import os, sys, time
from pool.gpu.probe_process import ProbeProcess
probe = ProbeProcess(os.environ)
probe.wait_for_output(20)
print(probe._popen.pid, flush=True)
time.sleep(60)
"""


def test_the_probe_dies_with_a_parent_that_is_killed(control, environ):
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT_ROOT, env=environ) as parent:
        probe = psutil.Process(int(parent.stdout.readline()))
        control.hang()
        parent.send_signal(signal.SIGKILL)
    psutil.wait_procs([probe], timeout=10)
    assert not probe.is_running() or probe.status() == psutil.STATUS_ZOMBIE


def test_the_probe_loads_neither_torch_nor_diffusers(environ):
    code = "import sys, pool.gpu.probe_client, pool.gpu.nvml; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
