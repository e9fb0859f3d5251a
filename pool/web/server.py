"""The status page's HTTP: GET and HEAD only, a thread a request, nothing kept between two."""

import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pool.web.address import Address, is_this_machine
from pool.web.recorder import Recorder
from pool.web.routes import Reply, reply

_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


class PageServer(ThreadingHTTPServer):
    """Listens once it is made; `serve_forever` answers. Raises OSError where it cannot listen."""

    daemon_threads = True

    def __init__(self, address: Address, recorder: Recorder) -> None:
        self.recorder = recorder
        self.only_here = address.on_loopback
        self.address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        super().__init__((address.host, address.port), _Handler)

    @property
    def address(self) -> Address:
        """Where it listens, its port known."""
        host, port = self.server_address[:2]
        return Address(str(host), int(port))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = "pool-status"
    sys_version = ""
    timeout = 10.0

    def do_GET(self) -> None:
        self._send(self._answer(), with_body=True)

    def do_HEAD(self) -> None:
        self._send(self._answer(), with_body=False)

    def log_message(self, *_: object) -> None:
        """Requests are not logged: a page that is open asks twice a second."""

    def _answer(self) -> Reply:
        if self.server.only_here and not self._meant_for_this_machine():
            body = b"this page is for this machine alone\n"
            return Reply(HTTPStatus.FORBIDDEN, "text/plain", body)
        accept = self.headers.get("Accept", "")
        return reply(self.path.partition("?")[0], accept, self.server.recorder)

    def _meant_for_this_machine(self) -> bool:
        """Whether the browser believes to speak to this machine.

        A foreign page could otherwise read this one, by a name of its own that leads to loopback.
        """
        host = self.headers.get("Host", "localhost")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        return is_this_machine(name.strip("[]"))

    def _send(self, answer: Reply, *, with_body: bool) -> None:
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in _HEADERS:
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)
