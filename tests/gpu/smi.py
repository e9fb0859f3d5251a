"""nvidia-smi's word on the cards, to hold the pool's readings against."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BRAKES = {
    "clocks_event_reasons.sw_power_cap": "power cap",
    "clocks_event_reasons.hw_slowdown": "hardware slowdown",
    "clocks_event_reasons.sw_thermal_slowdown": "heat",
    "clocks_event_reasons.hw_thermal_slowdown": "heat (hardware)",
    "clocks_event_reasons.hw_power_brake_slowdown": "power brake",
}
"""nvidia-smi's name of what slows a card down → ours."""

_FIGURES = {
    "index": "index",
    "memory_total_mib": "memory.total",
    "memory_used_mib": "memory.used",
    "temperature_c": "temperature.gpu",
    "power_w": "power.draw",
    "utilization_percent": "utilization.gpu",
    "ecc_uncorrected": "ecc.errors.uncorrected.volatile.total",
}
_ROWS = (
    "remapped_rows.correctable",
    "remapped_rows.uncorrectable",
    "remapped_rows.pending",
)
_YES = {"Yes": 1.0, "No": 0.0}


@dataclass(frozen=True)
class SmiCard:
    """One card; what it does not tell is None."""

    bus_id: str
    figures: Mapping[str, float | None]
    brakes: frozenset[str]
    rows_remapped: float | None
    repair_pending: bool | None


def cards() -> dict[str, SmiCard]:
    """Every card, by its UUID."""
    repairs = {uuid: cells for uuid, *cells in _query("remapped-rows", "gpu_uuid", *_ROWS)}
    fields = ("uuid", "pci.bus_id", *_FIGURES.values(), *BRAKES)
    return {
        uuid: _card(bus_id, dict(zip(fields[2:], cells, strict=True)), repairs.get(uuid))
        for uuid, bus_id, *cells in _query("gpu", *fields)
    }


def devices_of_processes() -> dict[int, str]:
    """The card on which each process computes. In a container the pids may be the host's."""
    rows = _query("compute-apps", "pid", "gpu_uuid")
    return {int(pid): uuid for pid, uuid in rows if pid.isdigit()}


def _card(bus_id: str, cells: Mapping[str, str], repairs: list[str] | None) -> SmiCard:
    corrected, broken, pending = map(figure, repairs or ["[N/A]"] * len(_ROWS))
    return SmiCard(
        bus_id=bus_id,
        figures={ours: figure(cells[theirs]) for ours, theirs in _FIGURES.items()},
        brakes=frozenset(ours for theirs, ours in BRAKES.items() if cells[theirs] == "Active"),
        rows_remapped=None if corrected is None or broken is None else corrected + broken,
        repair_pending=None if pending is None else bool(pending),
    )


def figure(cell: str) -> float | None:
    """The number in a cell; None where the card does not tell."""
    if cell in _YES:
        return _YES[cell]
    return None if "N/A" in cell or "Not Supported" in cell else float(cell)


def _query(what: str, *fields: str) -> Iterator[list[str]]:
    command = ["nvidia-smi", f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}: {ended.stdout}{ended.stderr}"
    for row in ended.stdout.splitlines():
        yield [cell.strip() for cell in row.split(",")]
