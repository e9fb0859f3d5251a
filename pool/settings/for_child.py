"""The settings that a child is sent, made from all of them. Runs in the parent."""

from pool.child_settings import ChildSettings
from pool.settings.backend_options import backend_options
from pool.settings.schema import Settings


def for_child(settings: Settings) -> ChildSettings:
    """What a child of a pool with these settings reads of them."""
    interval_s = settings.polling_interval
    keys = (settings.worker_token, settings.runway_api_key)
    return ChildSettings(
        vercel_api_url=settings.vercel_api_url,
        worker_token=settings.worker_token.get_secret_value(),
        worker_type=settings.worker_type,
        polling_interval=interval_s,
        polling_interval_fast=settings.polling_interval_fast or interval_s,
        polling_interval_slow=settings.polling_interval_slow or interval_s,
        fast_polling_duration=settings.fast_polling_duration,
        lease_duration_seconds=settings.lease_duration_seconds,
        heartbeat_interval=settings.heartbeat_interval,
        api_timeout=settings.api_timeout,
        backend=settings.backend,
        backend_options=backend_options(settings),
        overlap=settings.overlap,
        max_photo_bytes=settings.max_photo_bytes,
        min_free_disk_bytes=settings.min_free_disk_bytes,
        stall_limits=settings.stall_limits.model_dump(),
        state_dir=settings.state_dir,
        temp_dir=settings.temp_dir,
        log_dir=settings.log_dir,
        event_log=settings.event_log,
        log_format=settings.log_format,
        log_level=settings.log_level,
        secrets=tuple(key.get_secret_value() for key in keys if key is not None),
    )
