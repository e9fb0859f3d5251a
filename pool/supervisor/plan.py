"""Which slots a pool has, and what each of their children gets. Pure but for the random token."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pool.gpu.readings import Device
from pool.settings.environment import without_secrets
from pool.settings.schema import Settings

_TOKEN_BYTES = 4
_MALLOC_ARENAS = "2"
"""Left alone, the C library gives every lane a heap of its own, and a child grows for hours."""


@dataclass(frozen=True)
class SlotPlan:
    """One slot: its name, and its device where it has one."""

    name: str
    device: Device | None


def slots(settings: Settings, devices: Sequence[Device]) -> list[SlotPlan]:
    """One slot for each device, or, without GPUs, as many as the settings ask for.

    A GPU's slot is named for its place on the machine, not for its place in the list, so that
    `gpu5` is the same card however many are in use.
    """
    if settings.on_gpus:
        return [
            SlotPlan(_gpu_slot(device, devices[:place]), device)
            for place, device in enumerate(devices)
        ]
    return [SlotPlan(f"cpu{number}", None) for number in range(settings.workers)]


def _gpu_slot(device: Device, before: Sequence[Device]) -> str:
    """`gpu3`; for a second instance of the same, split card `gpu3m1`, and so on."""
    siblings = sum(other.index == device.index for other in before)
    return f"gpu{device.index}m{siblings}" if siblings else f"gpu{device.index}"


def new_worker_id(prefix: str, slot: str) -> str:
    """An id that no other process has or had: it is the server's only fence."""
    return f"{prefix}-{slot}-{secrets.token_hex(_TOKEN_BYTES)}"


def with_share_of_cores(environ: Mapping[str, str], children: int, cores: int) -> Mapping[str, str]:
    """The environment in which each of several children computes on its share of the cores.

    Left alone, each takes them all, and threads that wait for one another in vain make an inference
    several times slower. What the person has set stays.
    """
    return {"OMP_NUM_THREADS": str(max(1, cores // children)), **environ}


def with_small_heap(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment in which a process gives large pieces of memory back once they are free.

    Left alone, glibc learns from the first photo to keep such pieces: a Runway child that had made
    a video held 44 MB of heap, and 32 like this.
    """
    return {"MALLOC_MMAP_THRESHOLD_": str(256 * 1024), **environ}


def child_environment(
    environ: Mapping[str, str], slot: SlotPlan, python_path: str
) -> dict[str, str]:
    """The environment of a slot's children, fixed before they start.

    No secret is in it: those travel through the pipe. The device is chosen here, by UUID, because
    CUDA reads the choice once, when it is first touched. Children load from disk, never from a hub.
    """
    kept = without_secrets(environ)
    old_path = kept.get("PYTHONPATH")
    return (
        {"MALLOC_ARENA_MAX": _MALLOC_ARENAS}
        | kept
        | {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": slot.device.uuid if slot.device is not None else "",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "PYTHONPATH": f"{python_path}:{old_path}" if old_path else python_path,
            "PYTHONUNBUFFERED": "1",
        }
    )
