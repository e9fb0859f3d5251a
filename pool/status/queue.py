"""What the pool knows of its queue, read from the file that its children poll under."""

import json
from dataclasses import dataclass

from pool.boot import boot_id
from pool.lease.polling import PollState
from pool.state_dir import StateDir


@dataclass(frozen=True)
class Queue:
    """How the last questions to the queue went. Times are seconds ago; None: not so.

    `empty_for_s`: since when it has had nothing for us. `refused_for_s`: since when the Worker API
    refuses the key. `failures`: questions in a row that failed.
    """

    empty_for_s: float | None
    refused_for_s: float | None
    failures: int


def read_queue(state_dir: StateDir, now: float) -> Queue | None:
    """The queue at the monotonic time `now`; None where nobody asked yet in this boot.

    The lock is not taken, so a read may fall between the two halves of a write: None then, too.
    """
    try:
        record = json.loads(state_dir.poll_gate.read_bytes())
        if record.pop("boot") != boot_id():
            return None
        state = PollState(**record)
        return Queue(
            empty_for_s=_ago(state.empty_since, now),
            refused_for_s=_ago(state.refused_since, now),
            failures=state.failures,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _ago(moment: float | None, now: float) -> float | None:
    return None if moment is None else max(0.0, now - moment)
