"""Pools on GPUs that only NVML believes in: a C library in the driver's place."""

from pathlib import Path

from tests.fakes.nvml import GIB, cards
from tests.fakes.running_pool import wait_until

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


def test_no_visible_gpu_is_said_in_one_line(start_on):
    pool = start_on(environ={"CUDA_VISIBLE_DEVICES": ""})
    assert pool.wait() == 3
    assert pool.said == ("start-pool: CUDA_VISIBLE_DEVICES='' shows none of the 2 GPUs here\n")
