"""The server's settings: flags first, then the environment, then defaults."""

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from server.errors import ConfigError

MEBIBYTE = 1024 * 1024
POSTGRES_DRIVER = "postgresql+psycopg"


@dataclass(frozen=True)
class Limits:
    """The largest files that are taken."""

    video_bytes: int = 200 * MEBIBYTE
    photo_bytes: int = 50 * MEBIBYTE


@dataclass(frozen=True)
class Settings:
    """Everything that `serve-api` can be told.

    `public_url` is the address under which workers reach the storage, without a slash at its end;
    None: the address that the server listens on. `port` 0 takes a free one. A `URL` hides its
    password when it is shown.
    """

    data: Path
    database: URL
    host: str
    port: int
    public_url: str | None
    limits: Limits


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read flags and environment. Raises `ConfigError`; wrong flags end the process with 2."""
    flags = _parser().parse_args(arguments)
    data = Path(flags.data).absolute()
    if flags.public_url is None and _is_wildcard(flags.host):
        raise ConfigError(
            f"--host {flags.host} needs --public-url: "
            "presigned URLs must name an address that workers can reach"
        )
    return Settings(
        data=data,
        database=_database(flags.database or environ.get("DATABASE_URL"), data),
        host=flags.host,
        port=flags.port,
        public_url=flags.public_url and _checked_public_url(flags.public_url),
        limits=Limits(flags.max_video_mb * MEBIBYTE, flags.max_photo_mb * MEBIBYTE),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="serve-api",
        description="A self-hosted Worker API: tasks, photos and videos on this machine.",
        epilog="WORKER_API_KEY and ADMIN_API_KEY are taken from the environment; "
        "what is missing there is made up once and kept in keys.json in the data folder.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=3000, help="0 takes a free one (default: %(default)s)")
    add("--data", default="data", metavar="DIR", help="database, photos, videos (default: ./data)")
    add(
        "--database",
        metavar="URL",
        help="PostgreSQL instead of a SQLite file in DIR; also "
        "DATABASE_URL, which keeps the password out of the process list",
    )
    add("--public-url", metavar="URL", help="where workers reach this server, if not at HOST:PORT")
    add("--max-video-mb", type=_size, default=200, metavar="N", help="default: %(default)s MiB")
    add("--max-photo-mb", type=_size, default=50, metavar="N", help="default: %(default)s MiB")
    return parser


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port between 0 and 65535")
    return int(value)


def _size(value: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of MiB above 0")
    return int(value)


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host or "0.0.0.0").is_unspecified  # noqa: S104 (only compared)
    except ValueError:
        return False


def _checked_public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"--public-url {url} is not an address like https://host/path")
    return url.rstrip("/")


def _database(url: str | None, data: Path) -> URL:
    if not url:
        return URL.create("sqlite", database=str(data / "tasks.sqlite3"))
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    # Hosting services hand out the first two spellings; both mean the one driver that we ship.
    if parsed is None or parsed.drivername not in ("postgres", "postgresql", POSTGRES_DRIVER):
        raise ConfigError(f"--database is not like {POSTGRES_DRIVER}://user:password@host/name")
    return parsed.set(drivername=POSTGRES_DRIVER)
