"""Pools on GPUs that only NVML believes in: a C library in the driver's place."""

import sys
from pathlib import Path

import pytest

from tests.fakes.nvml import GIB, ErrorCode, cards
from tests.fakes.running_pool import ROOT, wait_until

A, B = (card.uuid for card in cards(2))


def environment_of(pid):
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_every_visible_gpu_has_one_child_pinned_by_uuid(add, start_on, watch, server, gpus):
    gpus.change(1, used=5 * GIB, temperature=61, utilization=97)
    items = [add() for _ in range(4)]
    pool = start_on()
    pool.wait_for_states("ready", "ready")
    watch.until_all(items)
    wait_until(lambda: all(slot["gpu"] for slot in pool.slots()), "readings of both GPUs")
    first, second = pool.slots()
    assert [first["slot"], second["slot"]] == ["gpu0", "gpu1"]
    assert [first["device"]["uuid"], second["device"]["uuid"]] == [A, B]
    assert second["device"] == {"uuid": B, "name": "Fake H200", "index": 1}
    assert second["gpu"]["memory_used_bytes"] == 5 * GIB
    assert second["gpu"]["memory_total_bytes"] == 139 * GIB
    assert (second["gpu"]["temperature_c"], second["gpu"]["utilization_percent"]) == (61, 97)
    for slot, uuid in ((first, A), (second, B)):
        environ = environment_of(slot["pid"])
        assert environ["CUDA_VISIBLE_DEVICES"] == uuid
        assert environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        assert server.key not in environ.values()
    pool.signal(15)
    assert pool.wait() == 0


def test_pools_of_one_host_share_no_gpu(start_on):
    one = start_on(environ={"CUDA_VISIBLE_DEVICES": "1"})
    one.wait_for_states("ready")
    [slot] = one.slots()
    assert (slot["slot"], slot["device"]["uuid"]) == ("gpu1", B)

    both = start_on()
    both.wait_for_states("ready")
    assert [slot["slot"] for slot in both.slots()] == ["gpu0"]
    holder = f"held by the pool in {one.folder / 'state'} (pid {one.process.pid})"
    assert f"gpu1 ({B}) is {holder}" in both.said

    none_left = start_on()
    assert none_left.wait() == 3
    assert "every device is in use" in none_left.said
    for pool in (one, both):
        pool.signal(15)
        assert pool.wait() == 0


def test_a_child_on_the_wrong_device_is_quarantined_and_the_others_work(add, start_on, watch):
    item = add()
    pool = start_on(backend="tests.integration.pool.mistaken_backend:MistakenBackend")
    pool.wait_for_states("quarantined", "ready")
    watch.until_all([item])
    mistaken = pool.slots()[0]
    assert mistaken["reason"] == f"wrong device: {B} is in use, {A} was assigned"
    assert (mistaken["incarnation"], mistaken["last_exit"]["code"]) == (1, 3)
    pool.signal(15)
    pool.wait()


def test_a_gpu_that_falls_off_the_bus_ends_its_slot_alone(add, start_on, watch, gpus):
    pool = start_on()
    pool.wait_for_states("ready", "ready")
    gpus.xid(0, 79)
    pool.wait_for_states("quarantined", "ready")
    assert "Xid 79" in pool.slots()[0]["reason"]
    item = add()
    watch.until_all([item])
    pool.signal(15)
    pool.wait()


def test_devices_chooses_one_card_of_three_and_its_child_is_pinned_by_uuid(
    start_on, add, watch, gpus
):
    gpus.gpus = cards(3)
    gpus.write()
    pool = start_on("--devices", "1")
    pool.wait_for_states("ready")
    [slot] = pool.slots()
    assert (slot["slot"], slot["device"]["uuid"]) == ("gpu1", B)
    assert environment_of(slot["pid"])["CUDA_VISIBLE_DEVICES"] == B
    watch.until_all([add()])
    pool.signal(15)
    assert pool.wait() == 0


def test_a_pool_whose_every_gpu_is_lost_or_sick_ends_with_a_code_of_its_own(start_on, gpus):
    pool = start_on()
    pool.wait_for_states("ready", "ready")
    wait_until(lambda: all(slot["gpu"] for slot in pool.slots()), "readings of both GPUs")
    gpus.xid(0, 79)
    gpus.change(1, error=ErrorCode.GPU_IS_LOST)
    assert pool.wait() == 5
    assert [slot["state"] for slot in pool.slots()] == ["quarantined", "lost"]


WITH_SO_MUCH_MEMORY = """
import sys
from pool.supervisor.host_memory import HostMemory
HostMemory.available_bytes = lambda self: int(sys.argv[1])
from pool.commands.start_pool import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(("available_gb", "side_by_side"), [(120, False), (400, True)])
def test_children_load_side_by_side_only_where_the_hosts_memory_allows(
    start_on, available_gb, side_by_side
):
    """No machine of ours is that large: the supervisor is told what it would read there."""
    through = (sys.executable, "-P", "-c", WITH_SO_MUCH_MEMORY, f"{available_gb}000000000")
    environ = {"PYTHONPATH": str(ROOT)}
    pool = start_on(through=through, environ=environ, backend_options={"load_s": 4})
    first_loaded, second_started = "[gpu0] ready after", "[gpu1] child 1 started"
    if not side_by_side:
        waits = "waits until the first child has loaded: it shows how much memory a load takes"
        wait_until(lambda: [slot["reason"] for slot in pool.slots()][1:] == [waits], "the reason")
    pool.wait_for_states("ready", "ready")
    began = pool.said.index(second_started) < pool.said.index(first_loaded)
    assert began is side_by_side, pool.said


def test_no_visible_gpu_is_said_in_one_line(start_on):
    pool = start_on(environ={"CUDA_VISIBLE_DEVICES": ""})
    assert pool.wait() == 3
    assert pool.said == ("start-pool: CUDA_VISIBLE_DEVICES='' shows none of the 2 GPUs here\n")
