"""The calls to NVML, through nvidia-ml-py.

Any of them can hang for ever on a sick driver, so only the probe's process makes them. Devices are
looked up by UUID at every reading, because an index may mean another card after one fell off the
bus. NVML has no call that returns the last Xid; the driver's error events are collected instead.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import pynvml

from pool.errors import PoolError
from pool.gpu.condition import GONE, condition, read
from pool.gpu.readings import Device, Process, Reading, Snapshot

REMEDIES = MappingProxyType(
    {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "libnvidia-ml.so.1 is not here; install NVIDIA's "
        "driver, or start the container with --gpus all",
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "the NVIDIA driver is not loaded; "
        "run nvidia-smi, and restart the machine if that fails too",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was updated while an "
        "older one is loaded; restart the machine",
        pynvml.NVML_ERROR_NO_PERMISSION: "this user may not open the NVIDIA devices; "
        "check the rights of /dev/nvidia*",
    }
)
"""NVML's code → what is the matter and what to do."""


class NvmlUnusable(PoolError):
    """NVML as a whole does not answer; the sentence says why and what to do."""


@dataclass(frozen=True)
class _Opened:
    device: Device
    handle: Any


class Nvml:
    """NVML, started, with the devices that it lists. Runs in the probe's process, main thread.

    `asks` is told which device is asked next, since NVML may hang over it, or "" where that is not
    known; those in `skipped`, UUIDs, are not asked at all. Raises `NvmlUnusable` when NVML does not
    start or lists nothing.
    """

    def __init__(self, asks: Callable[[str], None], skipped: Collection[str] = ()) -> None:
        self._asks = asks
        self._skipped = skipped
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            raise NvmlUnusable(_remedy(error)) from error
        if count == 0:
            raise NvmlUnusable("NVML lists no GPU; run nvidia-smi, and look at dmesg for an Xid")
        self._problems: list[str] = []
        self._incomplete = False
        self._devices = tuple(entry for index in range(count) for entry in self._at(index))
        self._asks("")
        self._xids = _XidWatch([entry.handle for entry in self._devices])

    def snapshot(self, now: float) -> Snapshot:
        """The devices and a reading of each; `now` is wall-clock time in seconds since 1970."""
        devices = tuple(entry.device for entry in self._devices)
        readings = {device.uuid: self._reading(device, now) for device in devices}
        return Snapshot(devices, readings, tuple(self._problems), self._incomplete)

    def collect_xids(self, seconds: float) -> None:
        """Let `seconds` pass, and note the errors that the driver reports meanwhile."""
        self._xids.collect(seconds)

    def _at(self, index: int) -> Iterator[_Opened]:
        """The card at `index`, or its instances if it is split; nothing if it does not open."""
        self._asks("")
        try:
            card = pynvml.nvmlDeviceGetHandleByIndex(index)
            if not self._may_be_asked(card):
                return
            bus_id = pynvml.nvmlDeviceGetPciInfo(card).busId
            for handle in _instances(card) or [card]:
                if self._may_be_asked(handle):
                    yield _Opened(_device(handle, index, bus_id), handle)
        except pynvml.NVMLError as error:
            self._incomplete = self._incomplete or not _gone(error)
            self._problems.append(f"GPU {index} cannot be opened ({error}); see dmesg for its Xid")

    def _may_be_asked(self, handle: Any) -> bool:
        uuid = pynvml.nvmlDeviceGetUUID(handle)
        if uuid in self._skipped:
            self._incomplete = True
            return False
        self._asks(uuid)
        return True

    def _reading(self, device: Device, now: float) -> Reading:
        self._asks(device.uuid)
        last, times = self._xids.of(device.pci_bus_id)
        taken_at = time.monotonic()
        try:
            handle = pynvml.nvmlDeviceGetHandleByUUID(device.uuid)
            memory = _memory(handle)
            power_mw = read(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
            return Reading(
                sampled_at=now,
                taken_at=taken_at,
                memory_used_bytes=memory and memory.used,
                memory_total_bytes=memory and memory.total,
                utilization_percent=read(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
                temperature_c=read(
                    lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
                ),
                power_w=None if power_mw is None else power_mw / 1000,
                ecc_uncorrected=read(
                    lambda: pynvml.nvmlDeviceGetTotalEccErrors(
                        handle,
                        pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                        pynvml.NVML_VOLATILE_ECC,
                    )
                ),
                last_xid=last,
                xids=times,
                **condition(handle),
                processes=read(lambda: _processes(handle)),
            )
        except pynvml.NVMLError as error:
            return Reading(now, _gone(error), taken_at, last_xid=last, xids=times)


class _XidWatch:
    """The Xids of each card, by PCI bus id.

    Where events are not to be had (a MIG instance, some containers) it stays empty.
    """

    def __init__(self, handles: list[Any]) -> None:
        self._last: dict[str, int] = {}
        self._times: dict[str, Counter[int]] = defaultdict(Counter)
        self._events = read(pynvml.nvmlEventSetCreate)
        watched = [self._watch(handle) for handle in handles]
        if not any(watched):
            self._events = None

    def of(self, bus_id: str) -> tuple[int | None, Mapping[int, int]]:
        """The card's newest Xid, and how often each has come."""
        return self._last.get(bus_id), dict(self._times[bus_id])

    def collect(self, seconds: float) -> None:
        """Wait `seconds`, noting each event that comes."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            try:
                if self._events is None:
                    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
                event = pynvml.nvmlEventSetWait_v2(self._events, max(1, int(left_s * 1000)))
                self._note(event)
            except pynvml.NVMLError_Timeout:
                return
            except pynvml.NVMLError:
                time.sleep(left_s)

    def _watch(self, handle: Any) -> bool:
        try:
            pynvml.nvmlDeviceRegisterEvents(
                handle, pynvml.nvmlEventTypeXidCriticalError, self._events
            )
        except pynvml.NVMLError:
            return False
        return True

    def _note(self, event: Any) -> None:
        bus_id = pynvml.nvmlDeviceGetPciInfo(event.device).busId
        code = self._last[bus_id] = int(event.eventData)
        self._times[bus_id][code] += 1


def _gone(error: pynvml.NVMLError) -> bool:
    return error.value in (*GONE, pynvml.NVML_ERROR_NOT_FOUND)


def _remedy(error: pynvml.NVMLError) -> str:
    return REMEDIES.get(error.value, f"NVML does not start ({error}); run nvidia-smi")


def _instances(card: Any) -> list[Any]:
    """The handles of a split card's MIG instances; empty for a whole card."""
    mode = read(lambda: pynvml.nvmlDeviceGetMigMode(card)[0])
    if mode != pynvml.NVML_DEVICE_MIG_ENABLE:
        return []
    places = range(pynvml.nvmlDeviceGetMaxMigDeviceCount(card))
    handles = (
        read(partial(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, card, place)) for place in places
    )
    return [handle for handle in handles if handle is not None]


def _device(handle: Any, index: int, bus_id: str) -> Device:
    memory = _memory(handle)
    return Device(
        uuid=pynvml.nvmlDeviceGetUUID(handle),
        name=pynvml.nvmlDeviceGetName(handle),
        index=index,
        pci_bus_id=bus_id,
        memory_total_bytes=memory and memory.total,
    )


def _memory(handle: Any) -> Any:
    """The device's memory; None where it is not told.

    What is used is what processes hold, as nvidia-smi counts it. The older call counts the driver's
    own reserve as well, and an older driver has no other.
    """
    told = read(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2))
    return told or read(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))


def _processes(handle: Any) -> tuple[Process, ...]:
    found = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    return tuple(Process(int(entry.pid), entry.usedGpuMemory) for entry in found)
