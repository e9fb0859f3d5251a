"""The status as Prometheus metrics.

Names follow the conventions: a common prefix, base units, `_total` for what only grows. The
counters are the supervisor's; they begin anew with the pool, as a counter may.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Summary
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pool.gpu.readings import Brake
from pool.status.observer import Look
from pool.status.schema import Gpu, SlotStatus, Status
from pool.status.spent import SpentToday
from pool.supervisor.states import SlotState

PREFIX = "gpu_pool"

_OF_A_GPU: tuple[tuple[str, str, Callable[[Gpu], float | None]], ...] = (
    ("gpu_memory_used_bytes", "Memory of the device in use.", lambda g: g.memory_used_bytes),
    ("gpu_memory_total_bytes", "Memory of the device.", lambda g: g.memory_total_bytes),
    ("gpu_temperature_celsius", "Temperature of the device.", lambda g: g.temperature_c),
    ("gpu_power_watts", "Power that the device draws.", lambda g: g.power_w),
    (
        "gpu_ecc_uncorrected",
        "Memory errors since the driver was loaded.",
        lambda g: g.ecc_uncorrected,
    ),
    ("gpu_last_xid", "The newest error code of the driver.", lambda g: g.last_xid),
    ("gpu_rows_remapped", "Rows of broken memory that were replaced.", lambda g: g.rows_remapped),
    ("gpu_pages_retired", "Pages of broken memory that were retired.", lambda g: g.pages_retired),
    (
        "gpu_repair_pending",
        "1 while a repair of the memory waits for a reset.",
        lambda g: g.repair_pending,
    ),
    (
        "gpu_utilization_ratio",
        "Share of the last moment in which the device computed.",
        lambda g: None if g.utilization_percent is None else g.utilization_percent / 100,
    ),
)
_OF_A_SLOT: tuple[tuple[str, str, Callable[[SlotStatus], float | None]], ...] = (
    ("slot_resident_memory_bytes", "Host memory of the slot's child.", lambda s: s.rss_bytes),
    (
        "task_progress_ratio",
        "Progress of the task in work within its stage.",
        lambda s: s.current.progress if s.current else None,
    ),
    (
        "lease_remaining_seconds",
        "What is left of the lease in work.",
        lambda s: s.current.lease_remaining_s if s.current else None,
    ),
)


class Metrics:
    """Everything that `/metrics` tells. Used under the recorder's lock."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._pool = _PoolCollector()
        self._registry.register(self._pool)
        self._stages = Summary(
            f"{PREFIX}_stage_seconds",
            "Time that leases spent in each stage, counted since this process started.",
            ("stage",),
            registry=self._registry,
        )
        self._counted_to: float | None = None

    def take(self, look: Look) -> None:
        """Take in one look."""
        self._pool.look = look
        newest = max((record.at for record in look.records), default=0.0)
        if self._counted_to is not None:
            for record in look.records:
                if record.at > self._counted_to:
                    for stage, seconds in record.stage_s.items():
                        self._stages.labels(stage).observe(seconds)
        self._counted_to = max(newest, self._counted_to or 0.0)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics as text, in the form that `accept` asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _PoolCollector(Collector):
    """Turns the newest look into metrics when they are asked for."""

    def __init__(self) -> None:
        self.look = Look(None, None)

    def collect(self) -> Iterator[Metric]:
        found = self.look.found
        alive = found is not None and found.status.pool.state in ("running", "draining")
        up = alive and found is not None and not found.stale
        yield _gauge("up", "1 while the supervisor lives and writes its status.", float(up))
        if found is None:
            return
        yield _gauge("status_age_seconds", "Age of the status.", found.age_s)
        yield from _pool(found.status)
        yield from self._totals()
        yield from _spent(self.look.spent)
        yield from _slots(found.status)

    def _totals(self) -> Iterator[Metric]:
        totals = self.look.totals
        if totals is None:
            return
        if totals.worked_share is not None:
            text = "Share of the last hour in which slots made frames."
            yield _gauge("worked_ratio", text, totals.worked_share)
        text = "For how long the queue has been empty; 0 while it is not."
        yield _gauge("queue_empty_seconds", text, totals.queue_empty_s or 0.0)
        text = "1 while the Worker API refuses the key."
        yield _gauge("key_refused", text, float(totals.key_refused_s is not None))
        text = "Questions to the queue that failed in a row."
        yield _gauge("poll_failures", text, float(totals.poll_failures))


def _pool(status: Status) -> Iterator[Metric]:
    pool = status.pool
    info = GaugeMetricFamily(
        f"{PREFIX}_info", "Always 1; who the pool is.", labels=("id", "mode", "version")
    )
    info.add_metric((pool.id, pool.mode, pool.version), 1.0)
    yield info
    yield _gauge("uptime_seconds", "For how long the pool has run.", pool.uptime_s)


def _spent(spent: SpentToday | None) -> Iterator[Metric]:
    if spent is None:
        return
    yield _gauge("runway_videos_today", "Runway videos bought this UTC day.", spent.videos)
    text = "What they cost in dollars, by estimate."
    yield _gauge("runway_spent_today_dollars", text, spent.usd_estimate)
    if spent.cap_videos is not None:
        yield _gauge("runway_cap_videos", "The day's cap in videos.", spent.cap_videos)
    if spent.cap_usd is not None:
        yield _gauge("runway_cap_dollars", "The day's cap in dollars.", spent.cap_usd)


def _slots(status: Status) -> Iterator[Metric]:
    yield _states(status)
    tasks = CounterMetricFamily(
        f"{PREFIX}_tasks", "Leases that ended, by how.", labels=("slot", "outcome")
    )
    restarts = CounterMetricFamily(
        f"{PREFIX}_slot_restarts", "Children restarted.", labels=("slot",)
    )
    for slot in status.slots:
        tasks.add_metric((slot.slot, "completed"), slot.tasks_completed)
        tasks.add_metric((slot.slot, "failed"), slot.tasks_failed)
        tasks.add_metric((slot.slot, "lost"), slot.tasks_lost)
        restarts.add_metric((slot.slot,), slot.restarts)
    yield from (tasks, restarts)
    for name, text, read in _OF_A_SLOT:
        yield _by_slot(name, text, ((slot.slot, read(slot)) for slot in status.slots))
    for name, text, of_gpu in _OF_A_GPU:
        values = ((slot.slot, of_gpu(slot.gpu)) for slot in status.slots if slot.gpu is not None)
        yield _by_slot(name, text, values)
    yield _brakes(status)


def _brakes(status: Status) -> Metric:
    family = GaugeMetricFamily(
        f"{PREFIX}_gpu_throttled", "1 for what slows the device down.", labels=("slot", "by")
    )
    for slot in status.slots:
        if slot.gpu is not None and slot.gpu.throttled_by is not None:
            for brake in Brake:
                family.add_metric((slot.slot, brake.value), float(brake in slot.gpu.throttled_by))
    return family


def _states(status: Status) -> Metric:
    family = GaugeMetricFamily(
        f"{PREFIX}_slot_state", "1 for the state that the slot is in.", labels=("slot", "state")
    )
    for slot in status.slots:
        for state in SlotState:
            family.add_metric((slot.slot, state.value), float(slot.state == state.value))
    return family


def _by_slot(name: str, text: str, values: Iterator[tuple[str, float | None]]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=("slot",))
    for slot, value in values:
        if value is not None:
            family.add_metric((slot,), value)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)
