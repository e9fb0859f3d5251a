"""Every setting of the pool: its name, its unit, its default and its limits.

`Settings` is built once by `pool.settings.sources.load` in the parent, frozen, and handed down;
`pool.settings.for_child` makes of it what a child is sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from client.base_url import is_loopback_host
from pool.web.address import parse_address

MODULE_AND_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

DAY_S = 86_400

SECRETS = ("worker_token", "runway_api_key", "alert_webhook_url", "ping_url")
"""Settings whose values are never shown."""


@dataclass(frozen=True)
class Named:
    """How a setting is called outside YAML: environment variables, the first found winning.

    `example` shows a value of a setting that has a form of its own.
    """

    env: tuple[str, ...] = ()
    flag: str | None = None
    example: str = ""


class StallLimits(BaseModel):
    """Seconds without progress, per stage of a task, before its child counts as stalled."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    confirm: float = Field(120, gt=0)
    download: float = Field(300, gt=0)
    prepare: float = Field(120, gt=0)
    infer: float = Field(300, gt=0)
    first_step: float = Field(1800, gt=0)
    step_floor: float = Field(30, gt=0)
    encode: float = Field(300, gt=0)
    upload: float = Field(300, gt=0)
    report: float = Field(300, gt=0)


class Settings(BaseModel):
    """One run's settings. Times are seconds, sizes bytes, unless a description says otherwise."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )

    # The Worker API
    vercel_api_url: Annotated[str, Named(("VERCEL_API_URL", "NEXT_API_URL"))] = Field(
        description="URL of the Worker API, with or without a final /api; https, except to this "
        "machine itself."
    )
    worker_token: Annotated[SecretStr, Named(("WORKER_API_KEY",))] = Field(
        min_length=1, description="Key for the Worker API. Keep it in the environment or in .env."
    )
    worker_id: Annotated[str | None, Named(("WORKER_ID",), example="rig-7")] = Field(
        None,
        pattern=r"^[\w.:@-]{1,80}$",
        description="Name that this pool's worker ids begin with: letters, digits and . _ : @ -, "
        "80 at most. Unset: a UUID, kept in the state folder.",
    )
    worker_type: Annotated[Literal["wan", "runway"], Named(("WORKER_TYPE",), "--mode")] = Field(
        "wan",
        description="Mode: wan makes videos on this machine's GPUs, runway pays the Runway API to.",
    )
    polling_interval: Annotated[float, Named(("POLL_INTERVAL", "POLLING_INTERVAL"))] = Field(
        default_factory=lambda data: 5 if data["worker_type"] == "runway" else 10,
        gt=0,
        le=DAY_S,
        description="Seconds between two polls of the whole pool while the queue is empty.",
    )
    polling_interval_slow: Annotated[float | None, Named(("POLLING_INTERVAL_SLOW",))] = Field(
        None,
        gt=0,
        le=DAY_S,
        description="Seconds between polls once no task came for fast_polling_duration. "
        "Unset: polling_interval.",
    )
    polling_interval_fast: Annotated[float | None, Named(("POLLING_INTERVAL_FAST",))] = Field(
        None,
        gt=0,
        le=DAY_S,
        description="Seconds between polls for fast_polling_duration after a task. "
        "Unset: polling_interval.",
    )
    fast_polling_duration: Annotated[float, Named(("FAST_POLLING_DURATION",))] = Field(
        1800, ge=0, description="Seconds after a task during which polling is fast."
    )
    lease_duration_seconds: Annotated[int, Named(("LEASE_DURATION", "LEASE_DURATION_SECONDS"))] = (
        Field(600, ge=1, le=DAY_S, description="Seconds that a task is leased for, renewed or not.")
    )
    heartbeat_interval: Annotated[float, Named(("HEARTBEAT_INTERVAL",))] = Field(
        120,
        gt=0,
        description="Seconds between two renewals of a lease; a third of the lease at most.",
    )
    api_timeout: Annotated[float, Named(("API_TIMEOUT",))] = Field(
        30, gt=0, description="Seconds that one call to the Worker API may take in all."
    )

    # Making videos
    backend: Annotated[str, Named(("POOL_BACKEND",))] = Field(
        default_factory=lambda data: data["worker_type"],
        description="What makes the videos: wan, runway, or your own class as "
        "package.module:Class. Unset: the mode's own.",
    )
    backend_options: Mapping[str, object] = Field(
        {}, description="Mapping handed to a backend of your own as it is."
    )
    wan: Mapping[str, object] = Field(
        {}, description="Mapping of the WAN backend's own settings; configs/ has examples."
    )
    runway_api_key: Annotated[
        SecretStr | None, Named(("RUNWAY_API_KEY", "RUNWAYML_API_SECRET"))
    ] = Field(None, description="Key for the Runway API; required by the runway backend.")
    runway_base_url: Annotated[str, Named(("RUNWAY_BASE_URL", "RUNWAYML_BASE_URL"))] = Field(
        "https://api.dev.runwayml.com",
        description="URL of the Runway API; https, except to this machine itself.",
    )
    runway_model: Annotated[str, Named(("RUNWAY_MODEL",))] = Field(
        "gen4_turbo",
        min_length=1,
        description="Runway model for a task that names none, or one that is not known.",
    )
    runway_ratio: Annotated[str | None, Named(("RUNWAY_RATIO",), example="1280:720")] = Field(
        None,
        pattern=r"^[1-9]\d{1,4}:[1-9]\d{1,4}$",
        description="Size of every Runway video in pixels, as 1280:720. Unset: the model's size "
        "that is nearest to the photo's shape.",
    )
    runway_timeout: Annotated[float, Named(("RUNWAY_TIMEOUT",))] = Field(
        600, gt=0, description="Seconds that one Runway task may take."
    )
    runway_poll_interval: Annotated[float, Named(("RUNWAY_POLL_INTERVAL",))] = Field(
        5,
        gt=0,
        description="Seconds between two looks at a Runway task; Runway asks for 5 or more.",
    )
    overlap: Annotated[bool, Named(("POOL_OVERLAP",))] = Field(
        True,
        description="Whether a child takes its next task while it works on one, and delivers the "
        "one before meanwhile; false: one task at a time.",
    )
    runway_max_in_flight: Annotated[int | None, Named(("RUNWAY_MAX_IN_FLIGHT",))] = Field(
        None,
        ge=1,
        description="Runway tasks that this pool has in flight at a time, all children together. "
        "Unset: one a child.",
    )
    runway_daily_cap_usd: Annotated[float | None, Named(("RUNWAY_DAILY_CAP_USD",))] = Field(
        None,
        gt=0,
        description="Dollars a day (UTC), by the estimate, after which no task is taken. "
        "Unset: no cap.",
    )
    runway_daily_cap_videos: Annotated[int | None, Named(("RUNWAY_DAILY_CAP_VIDEOS",))] = Field(
        None,
        ge=1,
        description="Runway videos a day (UTC) after which no task is taken. Unset: no cap.",
    )
    max_photo_bytes: Annotated[int, Named(("POOL_MAX_PHOTO_BYTES",))] = Field(
        64 * 1024 * 1024, ge=1, description="Bytes of the largest photo that is downloaded."
    )

    min_free_disk_bytes: Annotated[int, Named(("POOL_MIN_FREE_DISK_BYTES",))] = Field(
        1024 * 1024 * 1024,
        ge=0,
        description="Bytes that must be free in temp_dir and state_dir before a task is taken; a "
        "full log_dir costs log lines alone.",
    )

    # Processes
    device: Annotated[Literal["cuda", "cpu"], Named(("POOL_DEVICE",), "--device")] = Field(
        "cuda", description="What WAN computes on: cuda, one child per visible GPU, or cpu."
    )
    devices: Annotated[str | None, Named(("POOL_DEVICES",), "--devices")] = Field(
        None,
        description="GPUs to use: indices or UUIDs (or their unique beginnings), separated by "
        "commas. Unset: what CUDA_VISIBLE_DEVICES shows, or all.",
    )
    workers: Annotated[int, Named(("POOL_WORKERS",), "--workers")] = Field(
        1, ge=1, le=256, description="Number of children where there is no GPU to count by."
    )
    max_tasks: Annotated[int | None, Named(("POOL_MAX_TASKS",), "--max-tasks")] = Field(
        None, ge=1, description="Number of finished tasks after which the pool drains. Unset: none."
    )
    drain_timeout: Annotated[float | None, Named(("POOL_DRAIN_TIMEOUT",))] = Field(
        None,
        ge=0,
        description="Seconds that a drain may take before leases are given back. "
        "Unset: as long as the work takes.",
    )
    stall_limits: StallLimits = Field(
        StallLimits(),
        description="Mapping of a task's stage to seconds without progress before its child is "
        "restarted; infer counts from one sign of life to the next. first_step is for the first "
        "inference of a process; later ones are held to ten times what those before them took, "
        "between step_floor and infer.",
    )

    # Files and logs
    state_dir: Annotated[Path, Named(("POOL_STATE_DIR",), "--state-dir")] = Field(
        Path("./state"),
        description="Folder of the status file, locks, the ledger and undelivered videos.",
    )
    temp_dir: Annotated[Path, Named(("TEMP_DIR",))] = Field(
        Path("./temp"), description="Folder of the files of tasks in work."
    )
    auto_cleanup_temp: Annotated[bool, Named(("AUTO_CLEANUP_TEMP",))] = Field(
        True, description="Whether a task's files are removed from temp_dir when it ends."
    )
    log_dir: Annotated[Path, Named(("LOG_DIR",))] = Field(
        Path("./logs"), description="Folder of the log files."
    )
    event_log: Annotated[bool, Named(("POOL_EVENT_LOG",))] = Field(
        False,
        description="Whether what happens to each lease is written down in state_dir/events.",
    )
    http: Annotated[str | None, Named(("POOL_HTTP",), "--http")] = Field(
        None,
        description="Where the status page listens, as 127.0.0.1:9400; it asks for no password. "
        "Unset: there is none.",
    )
    alert_webhook_url: Annotated[SecretStr | None, Named(("POOL_ALERT_WEBHOOK_URL",))] = Field(
        None,
        description="URL that alerts are sent to, in the form that Slack's incoming webhooks take. "
        "Unset: none are sent.",
    )
    alert_idle_minutes: Annotated[float, Named(("POOL_ALERT_IDLE_MINUTES",))] = Field(
        30,
        gt=0,
        description="Minutes without a finished task, while the queue is not empty, after which "
        "an alert is sent.",
    )
    ping_url: Annotated[SecretStr | None, Named(("POOL_PING_URL",))] = Field(
        None,
        description="URL that is asked for while the pool works, for a service that calls out when "
        "it hears nothing. Unset: none.",
    )
    ping_interval: Annotated[float, Named(("POOL_PING_INTERVAL",))] = Field(
        60, ge=1, description="Seconds between two requests to ping_url."
    )
    log_format: Annotated[Literal["text", "json"], Named(("POOL_LOG_FORMAT",), "--log-format")] = (
        Field("text", description="Form of a log line: text or json.")
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Named(("POOL_LOG_LEVEL",))
    ] = Field("INFO", description="Least level that is logged: DEBUG, INFO, WARNING or ERROR.")

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("backend")
    @classmethod
    def _is_known_or_importable(cls, value: str) -> str:
        if value not in ("wan", "runway") and not MODULE_AND_CLASS.fullmatch(value):
            raise ValueError("it must be wan, runway or package.module:Class")
        return value

    @field_validator("http")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return None if value is None else str(parse_address(value))

    @field_validator("alert_webhook_url", "ping_url")
    @classmethod
    def _is_a_safe_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        parts = urlsplit(value.get_secret_value().strip())
        host = parts.hostname or ""
        if not host or not (parts.scheme == "https" or is_loopback_host(host)):
            raise ValueError("it must be https://host/… (http:// only to this machine)")
        return SecretStr(value.get_secret_value().strip())

    @field_validator("worker_token", "runway_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        secret = value.get_secret_value().strip()
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ValueError("it holds a character that an HTTP header cannot carry")
        return SecretStr(secret)

    @property
    def on_gpus(self) -> bool:
        """Whether the pool has one child per GPU, rather than `workers` children."""
        return self.worker_type == "wan" and self.device == "cuda"

    def secrets(self) -> tuple[str, ...]:
        """The values that must appear in no log line."""
        values = (getattr(self, name) for name in SECRETS)
        return tuple(value.get_secret_value() for value in values if value is not None)
