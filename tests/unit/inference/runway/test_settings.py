"""The Runway backend's settings."""

import pytest

from inference.errors import BackendUnusable
from inference.runway.settings import parse

GIVEN = {"api_key": "key_secret", "journal_dir": "state"}


def test_nothing_but_a_key_and_a_folder_is_required():
    settings = parse(GIVEN)
    assert settings.base_url == "https://api.dev.runwayml.com"
    assert (settings.model, settings.ratio, settings.timeout_s) == ("gen4_turbo", None, 600)
    assert settings.poll_interval_s == 5
    assert (settings.max_in_flight, settings.daily_cap_usd, settings.daily_cap_videos) == (
        None,
    ) * 3


def test_the_key_is_never_shown():
    assert "key_secret" not in repr(parse(GIVEN))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "api_key is required"),
        ({"api_key": "k"}, "journal_dir is required"),
        ({**GIVEN, "modle": "x"}, "unknown key 'modle', the nearest known one is 'model'"),
        (
            {**GIVEN, "model": "gen4-turbo"},
            "runway_model: no such model as 'gen4-turbo'; the nearest known one is gen4",
        ),
        ({**GIVEN, "ratio": "wide"}, "ratio: Expected"),
        ({**GIVEN, "timeout_s": 0}, "timeout_s"),
        ({**GIVEN, "daily_cap_usd": "nan"}, "daily_cap_usd"),
        ({**GIVEN, "max_in_flight": 0}, "max_in_flight"),
        ({**GIVEN, "base_url": "http://api.example"}, "base_url: only https may carry the key"),
        ({**GIVEN, "base_url": "https://me:pw@api.example"}, "base_url: give it as https://host"),
        ({**GIVEN, "base_url": "nonsense"}, "base_url: give it as https://host"),
        ({**GIVEN, "base_url": "https://[::1"}, "base_url: give it as https://host"),
        ({**GIVEN, "api_key": ""}, "api_key"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(options, words):
    with pytest.raises(BackendUnusable) as raised:
        parse(options)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "key_secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:1/", "http://[::1]:9"])
def test_plain_http_is_for_this_machine_alone(url):
    settings = parse({**GIVEN, "base_url": url})
    assert settings.on_loopback
    assert not settings.base_url.endswith("/")


def test_the_field_names_of_models_with_their_prefix_are_known():
    assert parse({**GIVEN, "model": "runway_gen4.5_turbo"}).model == "runway_gen4.5_turbo"
