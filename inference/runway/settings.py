"""The settings of the Runway backend. Light: any process may validate them."""

import difflib
import ipaddress
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from inference.errors import BackendUnusable
from inference.runway.models import MODELS, Model, model_named

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Positive = Annotated[float, msgspec.Meta(gt=0, le=sys.float_info.max)]


@dataclass(frozen=True)
class RunwaySettings:
    """What can be set. Times in seconds, money in US dollars.

    `ratio`: the size of every video, as 1280:720; None: nearest to the photo's own shape.
    `timeout_s`: how long one Runway task may take. `journal_dir`: a folder that every child of the
    pool shares and that survives restarts. `max_in_flight`: Runway tasks at once on this host.
    `daily_cap_usd`, `daily_cap_videos`: no new task beyond these in one UTC day. None: no limit.
    """

    api_key: _Text = field(repr=False)
    journal_dir: Path
    base_url: str = "https://api.dev.runwayml.com"
    model: str = "gen4_turbo"
    ratio: Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{1,4}:[1-9]\d{1,4}$")] | None = None
    timeout_s: _Positive = 600
    poll_interval_s: _Positive = 5
    max_in_flight: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    daily_cap_usd: _Positive | None = None
    daily_cap_videos: _Count | None = None

    @property
    def on_loopback(self) -> bool:
        """Whether the API is this machine itself: a test's double, never the real Runway."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def parse(options: Mapping[str, object]) -> RunwaySettings:
    """The settings in `options`. Raises `BackendUnusable`: one line that names the wrong key."""
    try:
        _require_known(options)
        given = msgspec.convert(dict(options), RunwaySettings, dec_hook=lambda kind, raw: kind(raw))
        _require_known_model(given.model)
        return replace(given, base_url=_safe_base(given.base_url))
    except ValueError as error:
        raise BackendUnusable(f"Runway settings: {_words(str(error))}") from None


def default_model(settings: RunwaySettings) -> Model:
    """The model for tasks that name none. Its name was checked with the settings."""
    model = model_named(settings.model)
    if model is None:
        raise ValueError(f"{settings.model} was never checked")
    return model


def is_loopback(host: str) -> bool:
    """Whether a host's name means this machine. Pure: no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_known(options: Mapping[str, object]) -> None:
    known = [field.name for field in fields(RunwaySettings)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise ValueError(f"unknown key {key!r}, the nearest known one is {near[0]!r}")


def _require_known_model(name: str) -> None:
    if model_named(name) is None:
        near = difflib.get_close_matches(name, MODELS, n=1, cutoff=0.0)
        raise ValueError(
            f"runway_model: no such model as {name!r}; the nearest known one is {near[0]}"
        )


def _safe_base(url: str) -> str:
    """`url` without a final slash. The key goes there, so it is https or this machine itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("base_url: give it as https://host")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("base_url: only https may carry the key, except to this machine itself")
    return url.rstrip("/")


def _words(problem: str) -> str:
    """The sentence for a person: ours as it is, msgspec's with the key in front."""
    if problem.startswith("Object missing required field"):
        return f"{problem.split('`')[1]} is required"
    words, at, place = problem.rpartition(" - at `$.")
    return f"{place.rstrip('`')}: {words}" if at else problem
