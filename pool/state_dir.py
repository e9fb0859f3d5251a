"""What lies where in the state folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StateDir:
    """The state folder of one pool. It belongs to the user that runs the pool, and nobody else."""

    path: Path

    def create(self) -> None:
        """Make the folder, if it is not there. Raises OSError where that cannot be done."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def lock(self) -> Path:
        """Held by the supervisor while it lives."""
        return self.path / "pool.lock"

    @property
    def status(self) -> Path:
        """The status file, written once a second."""
        return self.path / "status.json"

    @property
    def poll_gate(self) -> Path:
        """The lock and the state that children poll under."""
        return self.path / "poll.json"

    @property
    def ledger(self) -> Path:
        """Which items were in work when children died."""
        return self.path / "ledger.jsonl"

    @property
    def tasks(self) -> Path:
        """What became of every lease, one line each."""
        return self.path / "tasks.jsonl"

    @property
    def history(self) -> Path:
        """Samples of the last hours, for the status page."""
        return self.path / "history.jsonl"

    @property
    def undelivered(self) -> Path:
        """Finished videos that have not been delivered."""
        return self.path / "undelivered"

    @property
    def runway(self) -> Path:
        """What was bought from Runway, and what of it is still to be had."""
        return self.path / "runway"

    @property
    def events(self) -> Path:
        """What happened to each lease, a file a slot."""
        return self.path / "events"

    @property
    def worker_id(self) -> Path:
        """The worker id that was generated here, kept across restarts."""
        return self.path / "worker_id"
