"""The fields of the status: a promise, `schema` 1. What is not known is null, never left out.

Sizes are bytes, times seconds, `…_at` ISO 8601 in UTC.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

PoolState = Literal["running", "draining", "stopped", "dead"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolStatus(_Part):
    """The pool as a whole. `dead`: it says that it runs, and does not."""

    id: str
    pid: int
    mode: str
    state: PoolState
    started_at: str
    uptime_s: float
    api_url: str
    version: str


class LastExit(_Part):
    """How the slot's former child ended: by a code or by a signal."""

    code: int | None
    signal: int | None
    reason: str
    at: str


class CurrentTask(_Part):
    """The task in work. `progress` is in [0, 1] within the stage."""

    item_id: str
    stage: str
    step: int
    steps: int
    progress: float
    eta_s: float | None
    lease_remaining_s: float


class SlotDevice(_Part):
    """The device that the slot is pinned to."""

    uuid: str
    name: str
    index: int


class Gpu(_Part):
    """The newest reading of the device; what NVML does not tell is null.

    `throttled_by` names what slows it down, in the words of `pool.gpu.readings.Brake`, `recovery`
    what it needs, in those of `Recovery`.
    """

    memory_used_bytes: int | None
    memory_total_bytes: int | None
    utilization_percent: int | None
    temperature_c: int | None
    power_w: float | None
    ecc_uncorrected: int | None
    last_xid: int | None
    rows_remapped: int | None = None
    pages_retired: int | None = None
    repair_pending: bool | None = None
    throttled_by: tuple[str, ...] | None = None
    recovery: str | None = None
    sampled_at: str


class SlotStatus(_Part):
    """One slot. `reason` says in words why it is not ready; null where it is."""

    slot: str
    state: str
    worker_id: str | None
    pid: int | None
    incarnation: int
    restarts: int
    tasks_completed: int
    tasks_failed: int
    tasks_lost: int
    last_exit: LastExit | None
    current: CurrentTask | None
    device: SlotDevice | None
    gpu: Gpu | None
    rss_bytes: int | None
    reason: str | None


class Status(_Part):
    """Everything."""

    schema_: Literal[1]
    pool: PoolStatus
    slots: tuple[SlotStatus, ...]

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
    )
