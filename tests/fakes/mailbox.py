"""A real HTTP server that keeps what it is sent: a chat's webhook, and a service that is pinged."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.canary import CANARY


class Mailbox:
    """`url` takes POST and GET. Use it in a `with` block.

    `code` is what it answers; while `hangs` it answers nothing.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.pings: list[float] = []
        self.tried = 0
        self.code = 200
        self.hangs = threading.Event()
        self._gone = threading.Event()
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                mailbox.tried += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._take(lambda: mailbox.texts.append(json.loads(body)["text"]))

            def do_GET(self):
                self._take(lambda: mailbox.pings.append(time.monotonic()))

            def _take(self, keep):
                while mailbox.hangs.is_set() and not mailbox._gone.wait(0.01):
                    pass
                if mailbox.code == 200:
                    keep()
                with contextlib.suppress(OSError):
                    self.send_response(mailbox.code)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Its address, with a token as such services put one in."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook/T0KEN-{CANARY}"

    def __enter__(self) -> "Mailbox":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._gone.set()
        self._server.shutdown()
        self._server.server_close()
