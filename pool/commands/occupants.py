"""Processes of others on the GPUs that a pool is about to use, by name and memory."""

from collections.abc import Iterator, Sequence

import psutil

from pool.gpu.readings import Process, Snapshot
from pool.supervisor.plan import SlotPlan


def occupied(slots: Sequence[SlotPlan], snapshot: Snapshot) -> Iterator[str]:
    """One sentence for each slot's device that somebody uses already."""
    for slot in slots:
        reading = snapshot.readings.get(slot.device.uuid) if slot.device is not None else None
        if reading is not None and reading.processes:
            who = ", ".join(_described(process) for process in reading.processes)
            yield f"{slot.name} is in use already, so its model may not fit: {who}"


def _described(process: Process) -> str:
    size = "" if process.used_bytes is None else f" with {process.used_bytes / 2**30:.1f} GiB"
    return f"{_name(process.pid)} (pid {process.pid}){size}"


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except (psutil.Error, OSError):
        return "a process that cannot be seen from here, perhaps in another container"
