from pathlib import Path

import pytest
from sqlalchemy import make_url

from server.errors import ConfigError
from server.settings import Limits, read_settings

MIB = 1024 * 1024


def test_the_defaults_serve_this_machine_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = read_settings([], {})
    assert settings.data == tmp_path / "data"
    assert settings.database.get_backend_name() == "sqlite"
    assert settings.database.database == f"{tmp_path}/data/tasks.sqlite3"
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 3000, None)
    assert settings.limits == Limits(video_bytes=200 * MIB, photo_bytes=50 * MIB)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_the_driver_that_is_shipped(scheme):
    settings = read_settings(["--database", f"{scheme}://me:p%40ss@host/tasks"], {})
    assert settings.database == make_url("postgresql+psycopg://me:p%40ss@host/tasks")
    assert "p@ss" not in repr(settings)
    assert "p%40ss" not in repr(settings)


def test_a_flag_comes_before_the_environment():
    environ = {"DATABASE_URL": "postgres://environment/tasks"}
    assert read_settings([], environ).database.host == "environment"
    flags = ["--database", "postgres://flag/tasks"]
    assert read_settings(flags, environ).database.host == "flag"


@pytest.mark.parametrize("url", ["mysql://host/tasks", "sqlite:///x", "secret-without-scheme"])
def test_another_database_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError) as error:
        read_settings(["--database", url], {})
    assert url not in str(error.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_to_listen_everywhere_needs_an_address_for_the_workers(host):
    with pytest.raises(ConfigError, match="--public-url"):
        read_settings(["--host", host], {})
    settings = read_settings(["--host", host, "--public-url", "https://queue.example/"], {})
    assert settings.public_url == "https://queue.example"


@pytest.mark.parametrize(
    "url", ["queue.example", "ftp://queue.example", "https://", "http://h?a=b"]
)
def test_a_public_url_must_be_an_address(url):
    with pytest.raises(ConfigError, match="is not an address"):
        read_settings(["--public-url", url], {})


def test_limits_are_given_in_mebibytes():
    settings = read_settings(["--max-video-mb", "1", "--max-photo-mb", "2"], {})
    assert settings.limits == Limits(video_bytes=MIB, photo_bytes=2 * MIB)


def test_the_data_folder_is_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert read_settings(["--data", "x/y"], {}).data == Path(tmp_path, "x", "y")
