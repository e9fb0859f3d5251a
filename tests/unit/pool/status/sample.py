"""A status as a pool writes it, with whatever a test wants different."""

from pool.status.schema import (
    CurrentTask,
    Gpu,
    LastExit,
    PoolStatus,
    SlotDevice,
    SlotStatus,
    Status,
)

GIB = 1024**3

DEVICE = SlotDevice(uuid="GPU-1", name="NVIDIA H200", index=0)
GPU = Gpu(
    memory_used_bytes=26 * GIB,
    memory_total_bytes=139 * GIB,
    utilization_percent=97,
    temperature_c=64,
    power_w=612.5,
    ecc_uncorrected=0,
    last_xid=None,
    rows_remapped=2,
    pages_retired=0,
    repair_pending=False,
    throttled_by=("power cap",),
    recovery="none",
    sampled_at="2026-01-03T10:00:00Z",
)
NOTHING_KNOWN = Gpu(
    memory_used_bytes=None,
    memory_total_bytes=None,
    utilization_percent=None,
    temperature_c=None,
    power_w=None,
    ecc_uncorrected=None,
    last_xid=None,
    sampled_at="2026-01-03T10:00:00Z",
)
CURRENT = CurrentTask(
    item_id="0b8f0c9e-2f7e-4d57-8a38-7d5d6e5c1a11",
    stage="infer",
    step=12,
    steps=50,
    progress=0.24,
    eta_s=4000.0,
    lease_remaining_s=431.0,
)
LAST_EXIT = LastExit(code=None, signal=9, reason="killed by SIGKILL", at="2026-01-03T09:00:00Z")


def slot(name="gpu0", state="ready", **more):
    return SlotStatus(
        **{
            "slot": name,
            "state": state,
            "worker_id": f"rig-{name}-0a1b2c3d",
            "pid": 4711,
            "incarnation": 2,
            "restarts": 1,
            "tasks_completed": 12,
            "tasks_failed": 1,
            "tasks_lost": 0,
            "last_exit": None,
            "current": None,
            "device": None,
            "gpu": None,
            "rss_bytes": 2 * GIB,
            "reason": None,
            **more,
        }
    )


def status(*slots, state="running"):
    pool = PoolStatus(
        id="rig",
        pid=4700,
        mode="wan",
        state=state,
        started_at="2026-01-03T08:00:00Z",
        uptime_s=7205.0,
        api_url="https://photos.example/api",
        version="0.1.0",
    )
    return Status(schema_=1, pool=pool, slots=slots or (slot(),))
