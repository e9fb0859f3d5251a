"""What a backend is told: every setting that concerns it, under the backend's own name for it."""

from inference.runway.settings import RunwaySettings, parse
from pool.settings import Settings
from pool.settings.backend_options import backend_options

GIVEN = {"vercel_api_url": "https://a.example", "worker_token": "k"}


def test_every_runway_setting_reaches_the_backend(tmp_path):
    given = {
        "runway_api_key": "rw_sk_1",
        "runway_base_url": "https://runway.example",
        "runway_model": "veo3.1",
        "runway_ratio": "1920:1080",
        "runway_timeout": 901.0,
        "runway_poll_interval": 7.0,
        "runway_max_in_flight": 3,
        "runway_daily_cap_usd": 12.5,
        "runway_daily_cap_videos": 40,
        "state_dir": tmp_path,
    }
    settings = Settings.model_validate({**GIVEN, "worker_type": "runway", **given})
    assert parse(backend_options(settings)) == RunwaySettings(
        api_key="rw_sk_1",
        journal_dir=tmp_path / "runway",
        base_url="https://runway.example",
        model="veo3.1",
        ratio="1920:1080",
        timeout_s=901.0,
        poll_interval_s=7.0,
        max_in_flight=3,
        daily_cap_usd=12.5,
        daily_cap_videos=40,
    )


def test_a_backend_of_ones_own_gets_its_options_as_they_are():
    given = {"backend": "some.module:Class", "backend_options": {"strength": 0.5}}
    settings = Settings.model_validate({**GIVEN, **given})
    assert backend_options(settings) == {"strength": 0.5}
