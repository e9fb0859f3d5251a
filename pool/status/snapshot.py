"""The supervisor's state as a status: pure, except that a child's memory is asked for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pool.gpu.readings import Device, Reading
from pool.status.schema import (
    CurrentTask,
    Gpu,
    LastExit,
    PoolState,
    PoolStatus,
    SlotDevice,
    SlotStatus,
    Status,
)
from pool.supervisor.slot import Slot
from pool.supervisor.supervisor import Supervisor


@dataclass(frozen=True)
class Identity:
    """What never changes while a pool lives. `started` is monotonic, `started_at` wall-clock."""

    id: str
    pid: int
    mode: Literal["wan", "runway"]
    api_url: str
    version: str
    started: float
    started_at: datetime


def status_of(identity: Identity, supervisor: Supervisor, now: float) -> Status:
    """The whole status at `now` (monotonic seconds)."""
    return Status(
        schema_=1,
        pool=PoolStatus(
            id=identity.id,
            pid=identity.pid,
            mode=identity.mode,
            state=_pool_state(supervisor),
            started_at=_iso(identity.started_at),
            uptime_s=round(now - identity.started, 1),
            api_url=identity.api_url,
            version=identity.version,
        ),
        slots=tuple(_slot(slot, supervisor, now) for slot in supervisor.slots),
    )


def _pool_state(supervisor: Supervisor) -> PoolState:
    if all(slot.over for slot in supervisor.slots):
        return "stopped"
    return "draining" if supervisor.draining else "running"


def _slot(slot: Slot, supervisor: Supervisor, now: float) -> SlotStatus:
    device = slot.facts.device
    reading = supervisor.readings.get(device.uuid) if device is not None else None
    return SlotStatus(
        slot=slot.facts.name,
        state=slot.state.value,
        worker_id=slot.worker_id,
        pid=slot.child.pid if slot.child is not None else None,
        incarnation=slot.incarnation,
        restarts=max(0, slot.incarnation - 1),
        tasks_completed=slot.counters.completed,
        tasks_failed=slot.counters.failed,
        tasks_lost=slot.counters.lost,
        last_exit=_last_exit(slot),
        current=_current(slot, now),
        device=_device(device) if device is not None else None,
        gpu=_gpu(reading) if reading is not None else None,
        rss_bytes=slot.child.rss_bytes() if slot.child is not None else None,
        reason=slot.reason,
    )


def _last_exit(slot: Slot) -> LastExit | None:
    last = slot.last_exit
    if last is None:
        return None
    return LastExit(
        code=last.exit.code, signal=last.exit.signal, reason=last.exit.reason, at=_iso(last.at)
    )


def _current(slot: Slot, now: float) -> CurrentTask | None:
    if not slot.tasks:
        return None
    current = slot.tasks[0]
    return CurrentTask(
        item_id=current.item_id,
        stage=current.stage,
        step=current.step,
        steps=current.steps,
        progress=round(current.progress, 4),
        eta_s=None if current.eta_s is None else round(current.eta_s, 1),
        lease_remaining_s=round(max(0.0, current.lease_deadline - now), 1),
    )


def _device(device: Device) -> SlotDevice:
    return SlotDevice(uuid=device.uuid, name=device.name, index=device.index)


def _gpu(reading: Reading) -> Gpu:
    return Gpu(
        memory_used_bytes=reading.memory_used_bytes,
        memory_total_bytes=reading.memory_total_bytes,
        utilization_percent=reading.utilization_percent,
        temperature_c=reading.temperature_c,
        power_w=reading.power_w,
        ecc_uncorrected=reading.ecc_uncorrected,
        last_xid=reading.last_xid,
        rows_remapped=reading.rows_remapped,
        pages_retired=reading.pages_retired,
        repair_pending=reading.repair_pending,
        throttled_by=reading.throttled_by,
        recovery=reading.recovery,
        sampled_at=_iso(datetime.fromtimestamp(reading.sampled_at, UTC)),
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
