"""The two commands that the demonstration shows: `bin/serve-api` and `bin/start-pool`."""

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from demo.folder import DemoFolder
from demo.process import Process
from pool.settings.environment import VARIABLES

ROOT = Path(__file__).resolve().parents[1]
_SERVING = "serving "
_SERVER_VARIABLES = {"ADMIN_API_KEY", "DATABASE_URL"}


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that the pool or the server would read.

    A demonstration must not talk to the queue that the person's own pool works for.
    """
    read = {name for names in VARIABLES.values() for name in names} | _SERVER_VARIABLES
    return {name: value for name, value in os.environ.items() if name not in read}


def start_server(folder: DemoFolder, port: int) -> tuple[Process, str]:
    """Start the server and wait until it answers; the process and its URL. Raises `DemoFailed`."""
    flags = ("--port", str(port), "--data", str(folder.server.absolute()))
    log = folder.logs / "serve-api.log"
    server = Process([ROOT / "bin" / "serve-api", *flags], log, folder.path, clean_environment())
    line = server.first_line()
    if not line.startswith(_SERVING):
        server.wait()
        server.check()
    return server, line.removeprefix(_SERVING).strip()


def start_pool(
    folder: DemoFolder, url: str, keys: Mapping[str, str], settings: Mapping[str, object]
) -> Process:
    """Start the pool against the server at `url`, with a config file that stays to be looked at.

    `keys` are its environment variables.
    """
    config = {
        "vercel_api_url": url,
        "worker_id": "demo",
        "polling_interval": 1,
        "state_dir": str(folder.state.absolute()),
        "temp_dir": str(folder.temp.absolute()),
        "log_dir": str(folder.logs.absolute()),
        **settings,
    }
    folder.config.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return Process(
        [ROOT / "bin" / "start-pool", "--config", folder.config.absolute()],
        folder.logs / "start-pool.log",
        folder.path,
        {**clean_environment(), **keys},
    )
