"""Rules that tie one setting to another, or to the world. Each says what to do in one line."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from client.base_url import endpoint_root, is_loopback_host
from pool.errors import ConfigError
from pool.settings.names import spellings
from pool.settings.schema import Settings
from pool.web.address import parse_address

RUNWAY_POLL_LEAST_S = 5

Origins = Mapping[str, str]


def check(settings: Settings, origins: Origins) -> None:
    """Raise `ConfigError` where two settings contradict each other or one is missing."""
    _backend_serves_the_mode(settings, origins)
    if settings.backend == "runway" and settings.runway_api_key is None:
        raise ConfigError(f"runway_api_key is not set; set {spellings('runway_api_key')}")
    _worker_api_is_safe(settings, origins)
    _runway_api_is_safe(settings, origins)


def _worker_api_is_safe(settings: Settings, origins: Origins) -> None:
    try:
        endpoint_root(settings.vercel_api_url)
    except ValueError as error:
        raise ConfigError(f"{origins['vercel_api_url']}: vercel_api_url: {error}") from None


def _runway_api_is_safe(settings: Settings, origins: Origins) -> None:
    try:
        parts = urlsplit(settings.runway_base_url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    encrypted = host and (parts.scheme == "https" or is_loopback_host(host))
    if not encrypted or parts.username or parts.query or parts.fragment:
        raise ConfigError(
            f"{origins['runway_base_url']}: runway_base_url must be https://host (http:// only on "
            "this machine), without a user, a password or a query"
        )


def _backend_serves_the_mode(settings: Settings, origins: Origins) -> None:
    backend, mode = settings.backend, settings.worker_type
    if backend in ("wan", "runway") and backend != mode:
        raise ConfigError(
            f"backend {backend} (from {origins['backend']}) cannot serve worker_type {mode}; "
            f"set worker_type: {backend} or start with --mode {backend}"
        )


def with_heartbeat_in_time(settings: Settings) -> Settings:
    """The same settings, the heartbeat no slower than three to a lease.

    Two heartbeats may then fail in a row before the lease is in danger.
    """
    longest_s = settings.lease_duration_seconds / 3
    if settings.heartbeat_interval <= longest_s:
        return settings
    return settings.model_copy(update={"heartbeat_interval": longest_s})


def warnings_about(settings: Settings, origins: Origins) -> list[str]:
    """What was asked for and is not what will happen, or not wise."""
    warnings = []
    longest_s = settings.lease_duration_seconds / 3
    if "heartbeat_interval" in origins and settings.heartbeat_interval > longest_s:
        warnings.append(
            f"{origins['heartbeat_interval']}: heartbeat_interval is lowered to {longest_s:g} s, "
            "a third of lease_duration_seconds"
        )
    if settings.runway_poll_interval < RUNWAY_POLL_LEAST_S and settings.backend == "runway":
        warnings.append(
            f"{origins['runway_poll_interval']}: runway_poll_interval is under "
            f"{RUNWAY_POLL_LEAST_S} s; Runway may answer 429"
        )
    if settings.http is not None and not parse_address(settings.http).on_loopback:
        warnings.append(
            f"{origins['http']}: the status page at {settings.http} is open to the network, "
            "without a password"
        )
    ignored = "workers" if settings.on_gpus else "devices"
    if ignored in origins:
        why = "there is one child per GPU" if settings.on_gpus else "no GPU is used in this mode"
        warnings.append(f"{origins[ignored]}: {ignored} is ignored; {why}")
    return warnings
