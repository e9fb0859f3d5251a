"""What the readings of one device come to, over time. No clock, no I/O.

A fatal error stays true after the reading that told of it: the probe may be replaced, and forgets,
and the driver cleans up with codes that say nothing. It is over when the driver says that nothing
is left to be done, or when the device was gone and is back: nobody but a reset does that.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pool.gpu.readings import Brake, Reading, Recovery
from pool.gpu.xid import ends_the_device, ends_the_process

_NEEDED = {
    Recovery.RESET: "NVML says that the GPU needs a reset; reset it or give the machine back",
    Recovery.REBOOT: "NVML says that the machine must be restarted; do, or give it back",
}

_ABOUT_MEMORY = frozenset({48, 63, 64, 94, 95, 140})


@dataclass(frozen=True)
class Unfit:
    """Why no child may use the device. `lost`: it is not there."""

    why: str
    lost: bool = False


class DeviceWatch:
    """One device under watch. `unfit` is what is known of it now; None: nothing against it."""

    def __init__(self) -> None:
        self.unfit: Unfit | None = None
        self._advised: set[str] = set()
        self._xids: Mapping[int, int] = {}
        self._ecc: int | None = None
        self._unexplained = 0
        self._explained = False
        self._fatal: str | None = None

    def seen(self, reading: Reading | None) -> str | None:
        """Take in a reading; None: NVML lists the device no longer.

        Returns why a process on it can go no further, although the device can.
        """
        if reading is None or reading.lost:
            self.unfit = Unfit("NVML says that the device is lost", lost=True)
            return None
        if self.unfit is not None and self.unfit.lost:
            self._fatal, self._ecc, self._xids = None, reading.ecc_uncorrected, reading.xids
            self._unexplained, self._explained = 0, False
        fresh = [code for code, times in reading.xids.items() if times > self._xids.get(code, 0)]
        self._xids = reading.xids
        broken = self._broken_memory(reading, fresh)
        fatal = ends_the_device(fresh) or broken
        if fatal is not None:
            self._fatal = fatal
        elif reading.recovery is Recovery.NONE:
            self._fatal = None
        why = self._fatal or _needs(reading)
        self.unfit = None if why is None else Unfit(why)
        return ends_the_process(fresh)

    def advice(self, reading: Reading) -> list[str]:
        """What its owner should know of the device although it works; each sentence once."""
        news = [words for words in _remarks(reading) if words not in self._advised]
        self._advised.update(news)
        return news

    def _broken_memory(self, reading: Reading, fresh: Collection[int]) -> str | None:
        """Uncorrectable errors that no Xid explains, in words; an Xid says better what they cost.

        They are judged one reading after they came: their Xid may be heard only then, or may have
        been just before.
        """
        about_it = not _ABOUT_MEMORY.isdisjoint(fresh)
        explained, self._explained = about_it or self._explained, about_it
        due, self._unexplained = self._unexplained, 0
        before, counted = self._ecc, reading.ecc_uncorrected
        if counted is not None:
            self._ecc = counted
            if before is not None and counted > before and not explained:
                self._unexplained = counted - before
        if explained or not due:
            return None
        return f"{due} uncorrectable memory errors; reset the GPU or give it back"


def _remarks(reading: Reading) -> Iterator[str]:
    if reading.repair_pending:
        yield "a repair of its memory waits for a reset of the GPU"
    if reading.recovery is Recovery.LATER:
        yield "NVML says that it should be reset once nobody works on it"
    if {Brake.HEAT, Brake.HEAT_HARDWARE} & set(reading.throttled_by or ()):
        yield "heat slows it down; see to its cooling"


def _needs(reading: Reading) -> str | None:
    if reading.repair_failed:
        return "a broken row of memory could not be replaced; give the machine back"
    return None if reading.recovery is None else _NEEDED.get(reading.recovery)
