"""`serve-api`: from the command line to a server that accepts connections.

Standard output carries one line, `serving http://HOST:PORT`, once requests are answered; all else
goes to standard error. Exit codes: 0 stopped by a signal, 2 a setting is wrong or the port taken.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import uvicorn

from server.app import create_app
from server.errors import ConfigError
from server.keys import KEYS_FILE
from server.service import open_service
from server.settings import Settings, read_settings

EXIT_CONFIG = 2
STOP_GRACE_S = 3
"""How long running requests may take to end once the server was told to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until a signal ends it; return the exit code."""
    try:
        settings = read_settings(sys.argv[1:] if arguments is None else arguments, os.environ)
        with listen(settings.host, settings.port) as listener:
            serve(settings, listener)
    except ConfigError as error:
        sys.stderr.write(f"serve-api: {error}\n")
        return EXIT_CONFIG
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ConfigError` if the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # Python appends the address to the reason; it is in our sentence already.
        reason = str(error.strerror).partition(" (")[0]
        raise ConfigError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --port"
        ) from error


def address_of(listener: socket.socket) -> str:
    """The base URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket) -> None:
    """Answer requests until SIGTERM or SIGINT. Runs on the main thread."""
    # uvicorn handles both while it runs, then hands the signal on to these handlers.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_clean)
    _log_to_stderr()
    address = address_of(listener)
    with open_service(settings, settings.public_url or address, os.environ) as service:
        if service.keys.from_file:
            sys.stderr.write(f"keys: {settings.data / KEYS_FILE}\n")
        app = create_app(service, settings.limits)
        config = uvicorn.Config(
            app,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_GRACE_S,
        )
        _Announcing(config, address).run([listener])


class _Announcing(uvicorn.Server):
    """A server that says when it is ready, for whoever waits for that line."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(f"serving {self._address}\n")
        sys.stdout.flush()


class WithoutQuery(logging.Filter):
    """Cuts the query off the paths in uvicorn's access log: it carries signatures."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's path, the third of its arguments; let every record pass."""
        if isinstance(record.args, tuple):
            client, method, path, *rest = record.args
            record.args = (client, method, str(path).partition("?")[0], *rest)
        return True


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("uvicorn.access").addFilter(WithoutQuery())


def _exit_clean(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
