"""What is known of the GPUs, as values. A reading that is missing is None, never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Device:
    """One CUDA device: a whole card, or one MIG instance of a card that is split.

    `index` is the card's place in the order of PCI bus ids, which is NVML's order and, with
    CUDA_DEVICE_ORDER=PCI_BUS_ID, CUDA's. The instances of one card share its index and bus id.
    """

    uuid: str
    name: str
    index: int
    pci_bus_id: str
    memory_total_bytes: int | None


@dataclass(frozen=True)
class Process:
    """A process that holds memory of a device. In a container the pid may be the host's."""

    pid: int
    used_bytes: int | None


class Brake(StrEnum):
    """What slows a device down, as its driver sees it."""

    POWER_CAP = "power cap"
    HARDWARE = "hardware slowdown"
    HEAT = "heat"
    HEAT_HARDWARE = "heat (hardware)"
    POWER_BRAKE = "power brake"


class Recovery(StrEnum):
    """What a device needs to be as good as new, as its driver sees it."""

    NONE = "none"
    LATER = "later"
    """Something, once nobody works on it."""
    RESET = "reset"
    REBOOT = "reboot"


@dataclass(frozen=True)
class Reading:
    """One device at one moment.

    `lost`: NVML says that the device is gone or needs a reset; everything else is None then.
    `memory_used_bytes` is what processes hold, without the driver's own reserve. `ecc_uncorrected`
    counts since the driver was loaded. `last_xid` is the newest error code that the driver reported
    since the probe started, `xids` how often it reported each. `rows_remapped` and `pages_retired`
    count broken memory that was replaced, `repair_pending` says that more is waiting for a reset.
    `throttled_by`: what slows the device down; empty: nothing. `processes` is None where they
    cannot be listed. `sampled_at` is wall-clock time, in seconds since 1970, for people; `taken_at`
    is the same moment by this host's monotonic clock, to compare with.
    """

    sampled_at: float
    lost: bool = False
    taken_at: float = 0.0
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    utilization_percent: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    ecc_uncorrected: int | None = None
    last_xid: int | None = None
    xids: Mapping[int, int] = field(default_factory=dict)
    rows_remapped: int | None = None
    pages_retired: int | None = None
    repair_pending: bool | None = None
    repair_failed: bool | None = None
    throttled_by: tuple[Brake, ...] | None = None
    recovery: Recovery | None = None
    processes: tuple[Process, ...] | None = None


@dataclass(frozen=True)
class Snapshot:
    """Every device at one moment: one line of the probe's output.

    `readings` are keyed by the device's UUID; a device that could not even be opened when the
    probe started is in none of them, and `problems` has a sentence about it. `incomplete`: such a
    device may be there and well; NVML did not say that it is gone. `error` says why NVML as a whole
    does not answer, and what to do.
    """

    devices: tuple[Device, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    incomplete: bool = False
    error: str | None = None


_SNAPSHOT = TypeAdapter(Snapshot)
_ASKS = b"asks "


def to_line(snapshot: Snapshot) -> bytes:
    """The snapshot as one line of JSON, with its line end."""
    return _SNAPSHOT.dump_json(snapshot) + b"\n"


def from_line(line: bytes) -> Snapshot:
    """The snapshot that `to_line` wrote. Raises ValueError for anything else."""
    return _SNAPSHOT.validate_json(line)


def to_question(uuid: str) -> bytes:
    """The line that announces which device is asked next: the answer may never come."""
    return _ASKS + uuid.encode() + b"\n"


def asked_in(line: bytes) -> str | None:
    """The UUID that `to_question` wrote; None: the line is something else."""
    if not line.startswith(_ASKS):
        return None
    return line.removeprefix(_ASKS).decode(errors="replace").strip()
