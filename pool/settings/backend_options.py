"""What a backend is built from: its own settings, and what the pool knows better."""

from collections.abc import Mapping

from pool.settings.schema import Settings
from pool.state_dir import StateDir


def backend_options(settings: Settings) -> Mapping[str, object]:
    """The options of the backend that `settings` name."""
    match settings.backend:
        case "wan":
            # Compiled kernels outlive the process, so that a restart compiles nothing again.
            cache_dir = str(StateDir(settings.state_dir).path / "cache")
            return {"cache_dir": cache_dir, **settings.wan, "device": settings.device}
        case "runway":
            return _runway(settings)
        case _:
            return settings.backend_options


def _runway(settings: Settings) -> Mapping[str, object]:
    key = settings.runway_api_key
    return {
        "api_key": key.get_secret_value() if key is not None else "",
        "base_url": settings.runway_base_url,
        "model": settings.runway_model,
        "ratio": settings.runway_ratio,
        "timeout_s": settings.runway_timeout,
        "poll_interval_s": settings.runway_poll_interval,
        "max_in_flight": settings.runway_max_in_flight,
        "daily_cap_usd": settings.runway_daily_cap_usd,
        "daily_cap_videos": settings.runway_daily_cap_videos,
        "journal_dir": str(StateDir(settings.state_dir).runway),
    }
