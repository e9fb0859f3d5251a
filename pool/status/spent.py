"""What a Runway pool has spent today, by estimate: read from the file beside its journal."""

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from pool.state_dir import StateDir

_FILE = "today.json"
_DAY_S = 86_400


class SpentToday(BaseModel):
    """This UTC day's Runway videos and what they cost. The sum is an estimate.

    `cap_usd`, `cap_videos`: where the pool stops taking tasks; null: nowhere.
    """

    model_config = ConfigDict(frozen=True)

    videos: int
    usd_estimate: float
    cap_videos: int | None
    cap_usd: float | None


def read_spent(state_dir: StateDir, now: float) -> SpentToday | None:
    """What was spent on the day of `now`, seconds since the epoch; None for a pool that buys none.

    A file of another day says only what the caps are.
    """
    try:
        record = json.loads((state_dir.runway / _FILE).read_bytes())
        if record.pop("day_start") != now // _DAY_S * _DAY_S:
            record |= {"videos": 0, "usd_estimate": 0.0}
        return SpentToday.model_validate(record)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ValidationError):
        return None
