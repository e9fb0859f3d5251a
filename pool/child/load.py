"""Loading the backend, and proving that it sits on the device that this slot was given."""

from collections.abc import Callable
from typing import Any

from loguru import logger

from inference.backend import Backend, Progress
from inference.errors import BackendUnusable, DeviceUnfit
from pool.child.news import Exit
from pool.exit_codes import ExitCode

_SAY_EVERY_S = 5.0


class LoadLines:
    """A load's progress as log lines: each new stage, but no more than one line in a while.

    Called on the device lane. `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: tuple[int, int] | None = None
        self._due_at = clock()

    def __call__(self, done: int, total: int) -> None:
        """Say how far the load is, if that is news."""
        now = self._clock()
        if (done, total) != self._said and (now >= self._due_at or done == total):
            self._said = done, total
            self._due_at = now + _SAY_EVERY_S
            logger.info("loading: {} of {}", done, total)


def loaded(backend: Backend[Any, Any], assigned: str | None, progress: Progress) -> Exit | None:
    """Load `backend` and compare its device with the `assigned` UUID; why to end, if it must.

    Runs on the device lane.
    """
    try:
        backend.load(progress)
        seen = backend.device_uuid()
    except BackendUnusable as error:
        return Exit(ExitCode.CONFIG, str(error))
    except DeviceUnfit as error:
        return Exit(ExitCode.DEVICE_UNFIT, str(error))
    except BaseException as error:  # noqa: BLE001 - on a lane even sys.exit() would only be silence
        logger.opt(exception=error).error("the backend could not be loaded")
        return Exit(
            ExitCode.DEVICE_UNFIT, f"the backend could not be loaded: {type(error).__name__}"
        )
    if assigned is not None and not same_device(assigned, seen):
        return Exit(ExitCode.NO_DEVICE, f"wrong device: {seen} is in use, {assigned} was assigned")
    return None


def same_device(assigned: str, seen: str | None) -> bool:
    """Whether two UUIDs name one device: NVML writes `GPU-…`, torch leaves the prefix out."""
    return seen is not None and _bare(assigned) == _bare(seen)


def _bare(uuid: str) -> str:
    return uuid.lower().removeprefix("gpu-").removeprefix("mig-")
