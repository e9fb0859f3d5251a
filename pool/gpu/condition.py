"""What NVML says of a card's condition: repairs of its memory, its brakes, what it needs.

Each is None where this card or this driver does not tell.
"""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import pynvml

from pool.gpu.readings import Brake, Recovery

T = TypeVar("T")

GONE = (
    pynvml.NVML_ERROR_GPU_IS_LOST,
    pynvml.NVML_ERROR_RESET_REQUIRED,
    pynvml.NVML_ERROR_GPU_NOT_FOUND,
)
"""Codes of a device that fell off the bus, or that does nothing more before a reset."""

_BRAKES = {
    pynvml.nvmlClocksEventReasonSwPowerCap: Brake.POWER_CAP,
    pynvml.nvmlClocksEventReasonHwSlowdown: Brake.HARDWARE,
    pynvml.nvmlClocksEventReasonSwThermalSlowdown: Brake.HEAT,
    pynvml.nvmlClocksEventReasonHwThermalSlowdown: Brake.HEAT_HARDWARE,
    pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown: Brake.POWER_BRAKE,
}
_RECOVERY = {
    pynvml.NVML_GPU_RECOVERY_ACTION_NONE: Recovery.NONE,
    pynvml.NVML_GPU_RECOVERY_ACTION_GPU_RESET: Recovery.RESET,
    pynvml.NVML_GPU_RECOVERY_ACTION_BUS_RESET: Recovery.RESET,
    pynvml.NVML_GPU_RECOVERY_ACTION_NODE_REBOOT: Recovery.REBOOT,
    pynvml.NVML_GPU_RECOVERY_ACTION_SYSTEM_REBOOT: Recovery.REBOOT,
}
_RETIRED = (
    pynvml.NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS,
    pynvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR,
)


class Condition(TypedDict):
    """The fields of a `Reading` that this module reads."""

    rows_remapped: int | None
    pages_retired: int | None
    repair_pending: bool | None
    repair_failed: bool | None
    throttled_by: tuple[Brake, ...] | None
    recovery: Recovery | None


def condition(handle: Any) -> Condition:
    """Read it. Raises `NVMLError` only for a device that is gone."""
    rows = read(lambda: pynvml.nvmlDeviceGetRemappedRows(handle))
    pages = read(
        lambda: sum(len(pynvml.nvmlDeviceGetRetiredPages(handle, cause)) for cause in _RETIRED)
    )
    pending = read(lambda: pynvml.nvmlDeviceGetRetiredPagesPendingStatus(handle))
    return Condition(
        rows_remapped=None if rows is None else rows[0] + rows[1],
        pages_retired=pages,
        # A card replaces rows or retires pages, by its generation.
        repair_pending=_flag(pending if rows is None else rows[2]),
        repair_failed=_flag(rows and rows[3]),
        throttled_by=read(lambda: _brakes(pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle))),
        recovery=read(lambda: _recovery(handle)),
    )


def read(call: Callable[[], T]) -> T | None:
    """What the call returns, or None where NVML has no answer. Raises only for a lost device."""
    try:
        return call()
    except pynvml.NVMLError as error:
        if error.value in GONE:
            raise
        return None


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _brakes(reasons: int) -> tuple[Brake, ...]:
    return tuple(brake for bit, brake in _BRAKES.items() if reasons & bit)


def _recovery(handle: Any) -> Recovery | None:
    [value] = pynvml.nvmlDeviceGetFieldValues(handle, [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION])
    if value.nvmlReturn != pynvml.NVML_SUCCESS:
        return None
    return _RECOVERY.get(value.value.uiVal, Recovery.LATER)
