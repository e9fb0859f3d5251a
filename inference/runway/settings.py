"""The settings of the Runway backend. Light: any process may validate them."""

import difflib
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from inference.errors import BackendUnusable
from inference.runway.models import DEFAULT_FRAMES, MODELS, Model, model_named


def _known_model(name: str) -> str:
    if model_named(name) is None:
        near = difflib.get_close_matches(name, MODELS, n=1, cutoff=0.0)
        raise ValueError(f"no such model; the nearest known one is {near[0]}")
    return name


def _safe_base(url: str) -> str:
    """`url` without a final slash. The key goes there, so it is https or this machine itself."""
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("give it as https://host")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("only https may carry the key, except to this machine itself")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host's name means this machine. Pure: no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class RunwaySettings(BaseModel):
    """What can be set. Times in seconds, money in US dollars.

    `api_timeout_s`: how long one call to the Runway API may take, a picture of 5 MB included.
    `ratio`: the size of every video, as 1280:720; None: nearest to the photo's own shape.
    `timeout_s`: how long one Runway task may take. `journal_dir`: a folder that every child of the
    pool shares and that survives restarts. `max_in_flight`: Runway tasks at once on this host.
    `daily_cap_usd`, `daily_cap_videos`: no new task beyond these in one UTC day. None: no limit.
    `frame_num`: the length for tasks that name none, counted at 24 frames a second.
    `default_prompt`: for tasks whose prompt is empty.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    api_key: SecretStr = Field(min_length=1)
    journal_dir: Path
    base_url: Annotated[str, AfterValidator(_safe_base)] = "https://api.dev.runwayml.com"
    model: Annotated[str, AfterValidator(_known_model)] = "gen4_turbo"
    ratio: str | None = Field(default=None, pattern=r"^[1-9]\d{1,4}:[1-9]\d{1,4}$")
    timeout_s: float = Field(default=600, gt=0)
    poll_interval_s: float = Field(default=5, gt=0)
    api_timeout_s: float = Field(default=60, gt=0)
    max_in_flight: int | None = Field(default=None, ge=1, le=1000)
    daily_cap_usd: float | None = Field(default=None, gt=0)
    daily_cap_videos: int | None = Field(default=None, ge=1)
    frame_num: int = Field(default=DEFAULT_FRAMES, ge=1)
    default_prompt: str = Field(
        default="the people in the photo come alive, natural movement, gentle camera", min_length=1
    )

    @property
    def on_loopback(self) -> bool:
        """Whether the API is this machine itself: a test's double, never the real Runway."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def parse(options: Mapping[str, object]) -> RunwaySettings:
    """The settings in `options`. Raises `BackendUnusable` that names each wrong key in one line."""
    try:
        return RunwaySettings.model_validate(dict(options))
    except ValidationError as error:
        problems = "; ".join(_words(dict(problem)) for problem in error.errors())
    raise BackendUnusable(f"Runway settings: {problems}")


def default_model(settings: RunwaySettings) -> Model:
    """The model for tasks that name none. Its name was checked with the settings."""
    model = model_named(settings.model)
    if model is None:
        raise ValueError(f"{settings.model} was never checked")
    return model


def _words(problem: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{key} is required"
    if problem["type"] != "extra_forbidden":
        return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    near = difflib.get_close_matches(key, RunwaySettings.model_fields, n=1, cutoff=0.0)
    return f"unknown key {key!r}, the nearest known one is {near[0]!r}"
