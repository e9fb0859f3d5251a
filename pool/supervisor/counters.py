"""What a slot's children have done so far."""

from dataclasses import dataclass


@dataclass
class Counters:
    """Ended leases. One that was given back on purpose counts nowhere."""

    completed: int = 0
    failed: int = 0
    lost: int = 0

    def count(self, ending: str) -> None:
        """Count one lease by a word of `pool.lease.moves.Ending`."""
        match ending:
            case "completed":
                self.completed += 1
            case "failed":
                self.failed += 1
            case "lost" | "abandoned":
                self.lost += 1
