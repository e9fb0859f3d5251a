"""What a world is made of. Times are seconds."""

from dataclasses import dataclass, field

from pool.lease.pace import Limits
from tests.fakes.bad_server.bugs import Bugs
from tests.simulation.backend import Effort

LIMITS = Limits(
    {
        "confirm": 120.0,
        "download": 300.0,
        "prepare": 120.0,
        "infer": 40.0,
        "first_step": 60.0,
        "step_floor": 10.0,
        "encode": 300.0,
        "upload": 300.0,
        "report": 300.0,
    }
)


@dataclass(frozen=True)
class Crowd:
    """How many of what. `bursts`: half of the tasks arrive in bursts, with idle time between."""

    pools: int = 3
    children: int = 4
    tasks: int = 10_000
    faults: int = 2_000
    bursts: bool = True
    good_share: float = 0.98
    """The share of tasks with nothing wrong in themselves."""


@dataclass(frozen=True)
class Settings:
    """One world. The lease is short so that ten thousand tasks are not months of virtual time."""

    seed: int
    crowd: Crowd = field(default_factory=Crowd)
    lease_s: int = 120
    heartbeat_s: float = 30.0
    poll_s: float = 10.0
    overlap: bool = True
    confirmations: int = 1
    race_median_s: float = 0.02
    """Between a next-task's select and its update: log-normal, long now and then."""
    effort: Effort = field(default=Effort(steps=4, step_s=4.0, first_step_s=6.0))
    bugs: Bugs = field(default_factory=Bugs)

    @classmethod
    def racing(cls, seed: int, tasks: int) -> "Settings":
        """Two pools, no faults, short inferences: many questions at the same moment."""
        crowd = Crowd(pools=2, children=8, tasks=tasks, faults=0, bursts=False, good_share=1.0)
        effort = Effort(steps=2, step_s=0.2, first_step_s=0.2)
        return cls(seed, crowd, overlap=False, effort=effort, race_median_s=0.05)

    @classmethod
    def of_seed(cls, seed: int, crowd: Crowd) -> "Settings":
        """A world whose kind follows from its seed as well, so that many seeds see every kind."""
        return cls(
            seed=seed,
            crowd=crowd,
            overlap=seed % 4 != 0,
            confirmations=2 if seed % 5 == 0 else 1,
            bugs=Bugs(heartbeat_has_data=seed % 3 != 0, last_finisher_wins=seed % 2 == 0),
        )
