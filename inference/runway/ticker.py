"""What this UTC day has cost, in a file that anybody may read: `today.json` beside the journal.

The journal is the truth; this is its newest sum, for those who only look at the pool and know
nothing of journals. `pool.status.spent` reads it.
"""

import contextlib
import json
from pathlib import Path

from inference.runway.spending import Caps, Today, day_start

FILE = "today.json"


def show_today(folder: Path, today: Today, caps: Caps, now: float) -> None:
    """Write the sum of the day of `now`, in seconds since the epoch.

    The caller has the journal's lock, so no older sum replaces a newer one. A full disk costs the
    look, not the work.
    """
    record = {
        "day_start": day_start(now),
        "videos": today.videos,
        "usd_estimate": round(today.usd, 4),
        "cap_videos": caps.videos,
        "cap_usd": caps.usd,
    }
    draft = folder / f"{FILE}.tmp"
    with contextlib.suppress(OSError):
        draft.write_text(json.dumps(record))
        draft.replace(folder / FILE)
