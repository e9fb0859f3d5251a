"""What a child reads of the settings: plain values, checked by its parent when they were loaded.

The parent writes them with `pool.settings.for_child`. A child has no use for the machinery that
reads, checks and explains settings, which takes 17 MB in every process that imports it; on a small
server sixteen children do without.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import msgspec


@dataclass(frozen=True)
class ChildSettings:
    """One run's settings for its children. Each means what its namesake in `Settings` says.

    `backend_options` and `stall_limits` are whole: what was left out holds its default. `secrets`
    are the values that must appear in no log line. Where alerts go is no business of a child's.
    """

    vercel_api_url: str
    worker_token: str = field(repr=False)
    worker_type: Literal["wan", "runway"]
    polling_interval: float
    polling_interval_fast: float
    polling_interval_slow: float
    fast_polling_duration: float
    lease_duration_seconds: int
    heartbeat_interval: float
    api_timeout: float
    backend: str
    backend_options: Mapping[str, Any] = field(repr=False)
    overlap: bool
    max_photo_bytes: int
    min_free_disk_bytes: int
    stall_limits: Mapping[str, float]
    state_dir: Path
    temp_dir: Path
    log_dir: Path
    event_log: bool
    log_format: Literal["text", "json"]
    log_level: str
    secrets: tuple[str, ...] = field(repr=False)

    def to_json(self) -> str:
        """The settings, secrets included: for the pipe to a child and for nothing else."""
        return msgspec.json.encode(self, enc_hook=str).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote. Raises ValueError for anything else, repeating no secret."""
        return msgspec.json.decode(text, type=cls, dec_hook=lambda kind, value: kind(value))
