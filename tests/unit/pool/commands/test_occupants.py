"""Who is on a GPU before the pool is."""

import os

from pool.commands.occupants import occupied
from pool.gpu.readings import Device, Process, Reading, Snapshot
from pool.supervisor.plan import SlotPlan

CARDS = [Device(f"GPU-{n}", "Fake H200", n, f"0000:0{n}:00.0", None) for n in range(2)]
SLOTS = [SlotPlan(f"gpu{card.index}", card) for card in CARDS]
GIB = 1 << 30
NOBODYS_PID = (1 << 22) + 1  # Linux gives out none above 2**22


def said(*processes):
    readings = {card.uuid: Reading(0.0, processes=()) for card in CARDS}
    readings["GPU-1"] = Reading(0.0, processes=processes)
    return list(occupied(SLOTS, Snapshot(tuple(CARDS), readings)))


def test_free_devices_are_no_matter():
    assert said() == []
    assert list(occupied(SLOTS, Snapshot(tuple(CARDS)))) == []
    assert list(occupied([SlotPlan("cpu0", None)], Snapshot())) == []


def test_who_uses_a_device_is_named_with_its_memory():
    [line] = said(Process(os.getpid(), 20 * GIB))
    assert line.startswith("gpu1 is in use already")
    assert f"(pid {os.getpid()}) with 20.0 GiB" in line
    assert "python" in line or "pytest" in line


def test_who_cannot_be_seen_is_told_by_its_number():
    [line] = said(Process(NOBODYS_PID, None))
    assert line.endswith(f"perhaps in another container (pid {NOBODYS_PID})")
