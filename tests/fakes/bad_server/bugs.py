"""What the deployed Worker API does that its contract does not say, each with its own switch.

The numbers are those of the list in `Bugs`; the default of every switch is the deployed server's
behaviour, so a test turns off only what it needs out of the way.
"""

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["masked", "plain", "s3"]


@dataclass(frozen=True)
class Bugs:
    """Switches; `True` (or the given value) is what the deployed server does.

    1  `next_task_races`: select the oldest candidate, wait `race_window_s`, update by id alone.
    2  `ignores_expiry`: heartbeat and report accept an expired lease from its last holder.
    3  `heartbeat_can_shorten`: the lease ends `extend_seconds` from now, even if it ran longer.
    4  `database_errors_are_404`: heartbeat and report answer 404 for an error of the database too.
    5  `report_ignores_status`: a report overwrites a final state.
    6  `expiry_is_free` and `failed_is_final`: expiry never raises `retry_count`; a failed item
       is never handed out again.
    7  `leases_before_photo_row`: 500 after the lease was taken, when the photo's row is missing.
    8  `upload_never_overwrites`: signing an upload to a path that exists is a plain 500.
    9  `completed_signs_object`: `report completed` is 500 when there is no such object.
    10 `upload_expiry_is_fiction`: `expires_in` of an upload says nothing about its token's life.
    """

    next_task_races: bool = True
    race_window_s: float = 0.005
    ignores_expiry: bool = True
    heartbeat_can_shorten: bool = True
    database_errors_are_404: bool = True
    report_ignores_status: bool = True
    expiry_is_free: bool = True
    failed_is_final: bool = True
    leases_before_photo_row: bool = True
    upload_never_overwrites: bool = True
    completed_signs_object: bool = True
    upload_expiry_is_fiction: bool = True
    sends_frame_num: bool = True
    sends_inference_provider: bool = False
    filters_worker_type: bool = False
    trailing_slash_is_308: bool = True
    heartbeat_has_data: bool = True
    last_finisher_wins: bool = True
    """Of two PUTs signed before the object existed the later one replaces the earlier one."""


@dataclass(frozen=True)
class StorageSettings:
    """The storage's limits, lives of tokens, and the form in which its errors leave."""

    dialect: Dialect = "masked"
    upload_token_life_s: float = 7200.0
    upload_expires_in_s: int = 3600
    download_token_life_s: float = 3600.0
    max_object_bytes: int = 50_000_000
    video_folder: str = "videos"
    wall_clock_offset_s: float = 0.0
    """Added to the wall clock that `leased_until` is written with."""
