"""GPUs that fall sick, and a driver that does, under pools that believe the fake NVML.

docs/reliability.md has the table of what goes wrong with the test that shows it.
"""

import os
import signal

from tests.chaos.conftest import CHAOTIC
from tests.fakes.nvml import GIB, ErrorCode, cards
from tests.fakes.running_pool import wait_until

A, B = (card.uuid for card in cards(2))


STARTED_WITHIN_S = 90.0


def slot(pool, number):
    return pool.slots()[number]


def until_ready(pool, slots):
    pool.wait_for_states(*["ready"] * slots, within_s=STARTED_WITHIN_S)


def test_sick_devices_end_their_slots_and_the_others_go_on(start_on, add, watch, gpus):
    """An error of the device that clean-up follows, broken memory, and a card that is gone."""
    gpus.gpus = cards(4)
    gpus.write()
    pool = start_on()
    until_ready(pool, 4)
    wait_until(lambda: all(each["gpu"] for each in pool.slots()), "readings of every GPU")
    gpus.xid(0, 48)
    wait_until(lambda: slot(pool, 0)["state"] == "quarantined", "the Xid heard")
    gpus.xid(0, 45)
    gpus.change(1, ecc=2)
    gpus.change(2, error=ErrorCode.GPU_IS_LOST)
    pool.wait_for_states("quarantined", "quarantined", "lost", "ready")
    watch.until_all([add() for _ in range(2)])
    reasons = [each["reason"] for each in pool.slots()]
    assert reasons[0].startswith("Xid 48: uncorrectable memory error; reset the GPU")
    assert reasons[1].startswith("2 uncorrectable memory errors")
    assert reasons[2] == "NVML says that the device is lost"
    assert [each["restarts"] for each in pool.slots()] == [0, 0, 0, 0]


def test_an_error_of_the_application_brings_a_fresh_child(start_on, add, watch, gpus):
    pool = start_on(environ={"CUDA_VISIBLE_DEVICES": "0"})
    until_ready(pool, 1)
    wait_until(lambda: slot(pool, 0)["gpu"], "a reading")
    before = slot(pool, 0)["pid"]
    gpus.xid(0, 31)
    wait_until(lambda: slot(pool, 0)["restarts"] == 1, "a fresh child")
    watch.until_all([add()])
    assert slot(pool, 0)["pid"] != before
    assert slot(pool, 0)["last_exit"]["reason"] == "Xid 31: memory access fault"


def test_a_driver_that_hangs_and_comes_back_costs_readings_and_no_task(start_on, add, watch, gpus):
    pool = start_on()
    until_ready(pool, 2)
    wait_until(lambda: slot(pool, 0)["gpu"], "a reading")
    gpus.hang()
    wait_until(lambda: slot(pool, 0)["gpu"] is None, "the silence noticed")
    watch.until_all([add() for _ in range(2)])
    assert "GPU telemetry is unknown: NVML gives no answer; run nvidia-smi" in pool.said
    gpus.hang(False)
    # A new probe is started ever less often, at last once a minute.
    wait_until(lambda: slot(pool, 0)["gpu"], "readings again", within_s=120.0)
    assert "GPU telemetry is back" in pool.said
    assert [each["restarts"] for each in pool.slots()] == [0, 0]


def test_a_device_that_heat_slows_down_is_no_stalled_one(start_on, add, watch, gpus):
    """Seven times its usual step, and far above the floor; more than ten times would be a stall."""
    step_s = 0.8
    limits = {"first_step": 30, "infer": 30, "step_floor": step_s}
    pool = start_on(
        backend=CHAOTIC, backend_options={"step_s": step_s, "steps": 6}, stall_limits=limits
    )
    gpus.change(0, brakes=0x20)
    gpus.change(1, brakes=0x20)
    item = add("hot")
    watch.until_all([item])
    wait_until(lambda: pool.said.count("heat slows it down") == 2, "the heat said, once each")
    assert "dumping its stacks" not in pool.said
    assert len(watch.leases(item)) == 1, "it was renewed all along"
    assert [each["restarts"] for each in pool.slots()] == [0, 0]


def test_a_child_waits_for_the_memory_that_the_one_before_it_held(start_on, gpus):
    pool = start_on(environ={"CUDA_VISIBLE_DEVICES": "0"}, backend_options={"load_s": 3})
    pool.wait_for_states("starting", within_s=STARTED_WITHIN_S)
    wait_until(lambda: slot(pool, 0)["gpu"], "a reading of the empty device")
    until_ready(pool, 1)
    pid = slot(pool, 0)["pid"]
    gpus.change(0, used=24 * GIB, processes=f"{pid}:{24 * GIB}")
    wait_until(lambda: slot(pool, 0)["gpu"]["memory_used_bytes"] == 24 * GIB, "the memory seen")
    os.kill(pid, signal.SIGKILL)
    held = f"the device still lists dead process {pid} with 24.0 GiB"
    wait_until(lambda: slot(pool, 0)["reason"] == held, "the reason to wait")
    assert slot(pool, 0)["state"] == "backoff"
    gpus.change(0, used=0, processes="")
    until_ready(pool, 1)
    assert slot(pool, 0)["restarts"] == 1


def test_who_is_on_a_gpu_already_is_named_before_the_start(start_on, gpus):
    gpus.change(1, used=20 * GIB, processes=f"{os.getpid()}:{20 * GIB}")
    pool = start_on("--dry-run")
    assert pool.wait() == 0
    assert "start-pool: warning: gpu1 is in use already, so its model may not fit: " in pool.said
    assert f"(pid {os.getpid()}) with 20.0 GiB" in pool.said


def test_devices_keep_their_slots_when_the_order_of_indices_changes(start_on, add, watch, gpus):
    gpus.change(1, temperature=77)
    pool = start_on()
    until_ready(pool, 2)
    gpus.gpus.reverse()
    gpus.change(0, temperature=78)
    wait_until(
        lambda: [each["gpu"] and each["gpu"]["temperature_c"] for each in pool.slots()] == [40, 78],
        "readings of the moved devices",
    )
    watch.until_all([add() for _ in range(2)])
    assert [each["device"]["uuid"] for each in pool.slots()] == [A, B]
    assert [each["restarts"] for each in pool.slots()] == [0, 0]
