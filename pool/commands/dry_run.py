"""What `start-pool --dry-run` prints: slots, worker ids and every setting with its origin."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from pool.commands.plan_pool import Plan, worker_prefix
from pool.settings.effective import rows
from pool.settings.sources import Loaded
from pool.state_dir import StateDir


def print_plan(loaded: Loaded, planned: Plan, memory: Mapping[str, str]) -> None:
    """Print the plan to stdout; `memory` says for each slot how the model lies on its device.

    No secret is in it.
    """
    console = Console(soft_wrap=True)
    prefix = worker_prefix(planned.settings, StateDir(planned.settings.state_dir), create=False)
    slots = Table("slot", "device", "worker id (the token is new at every start)", box=None)
    for slot in planned.slots:
        device = f"{slot.device.name} {slot.device.uuid}" if slot.device is not None else "cpu"
        slots.add_row(slot.name, device, f"{prefix or '<new UUID>'}-{slot.name}-<token>")
    settings = Table("setting", "value", "from", box=None)
    for row in rows(loaded):
        settings.add_row(row.key, row.value, row.origin)
    console.print(slots)
    for name, words in memory.items():
        console.print(f"{name}: {words}")
    console.print()
    console.print(settings)
