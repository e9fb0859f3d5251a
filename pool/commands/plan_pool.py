"""From settings to a plan: which devices, which slots, under which name."""

import contextlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pool.commands.occupants import occupied
from pool.gpu.probe_client import list_devices
from pool.gpu.readings import Device, Snapshot
from pool.gpu.visible import chosen, ignored, visible
from pool.settings.schema import Settings
from pool.state_dir import StateDir
from pool.status.status_file import is_locked
from pool.supervisor.plan import SlotPlan, slots

_LISTING_S = 30.0
_NO_GPU_CURE = "to run without a GPU: --device cpu --workers N"


class NoDevice(Exception):
    """There is no device to work on; the message says what was looked for."""


@dataclass(frozen=True)
class Plan:
    """What will be started."""

    settings: Settings
    slots: tuple[SlotPlan, ...]
    warnings: tuple[str, ...]


def plan(settings: Settings, environ: Mapping[str, str]) -> Plan:
    """The plan for these settings on this host. Raises `NoDevice` and `ConfigError`."""
    if not settings.on_gpus:
        return Plan(settings, tuple(slots(settings, ())), ())
    snapshot = list_devices(environ, _LISTING_S)
    devices, warnings = _usable(settings, snapshot, environ.get("CUDA_VISIBLE_DEVICES"))
    planned = tuple(slots(settings, devices))
    # A pool that runs in this folder is what uses the devices.
    ours = is_locked(StateDir(settings.state_dir).lock)
    others = () if ours else occupied(planned, snapshot)
    return Plan(settings, planned, (*snapshot.problems, *warnings, *others))


def _usable(
    settings: Settings, snapshot: Snapshot, spec: str | None
) -> tuple[list[Device], list[str]]:
    if snapshot.error is not None:
        raise NoDevice(f"no usable GPU: {snapshot.error}; {_NO_GPU_CURE}")
    if not snapshot.devices:
        raise NoDevice(f"no usable GPU: NVML lists none; {_NO_GPU_CURE}")
    shown = visible(snapshot.devices, spec)
    if not shown:
        there = len(snapshot.devices)
        raise NoDevice(f"CUDA_VISIBLE_DEVICES={spec!r} shows none of the {there} GPUs here")
    dropped = ignored(snapshot.devices, spec)
    warnings = (
        [f"CUDA_VISIBLE_DEVICES: ignored from {dropped[0]!r} on, which is no GPU here"]
        if dropped
        else []
    )
    if settings.devices is not None:
        shown = chosen(shown, settings.devices)
    return shown, warnings


def worker_prefix(settings: Settings, state_dir: StateDir, *, create: bool) -> str | None:
    """The name that this pool's worker ids begin with: given, or generated once and kept.

    None where none was given or kept yet and `create` is false.
    """
    if settings.worker_id is not None:
        return settings.worker_id
    with contextlib.suppress(FileNotFoundError):
        # A power cut can leave the file empty.
        if kept := state_dir.worker_id.read_text().strip():
            return kept
    if not create:
        return None
    prefix = str(uuid.uuid4())
    temporary = state_dir.worker_id.with_suffix(f".{os.getpid()}")
    temporary.write_text(f"{prefix}\n")
    temporary.replace(state_dir.worker_id)
    return prefix
