"""The listening socket and the connections that it opened."""

import socket
import socketserver
import sys
import threading
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer

from tests.fakes.bad_server.faults import FaultDesk
from tests.fakes.bad_server.journal import Journal
from tests.fakes.bad_server.wire import Wire
from tests.fakes.bad_server.worker_api import World


@dataclass
class Site:
    """What the connections of one server share, across the times that it goes down and comes up."""

    world: World
    journal: Journal
    desk: FaultDesk
    storage_origin: str | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    crashes: list[BaseException] = field(default_factory=list)
    connections_so_far: int = 0

    def secrets(self) -> list[str]:
        """Every key and token that may not appear anywhere."""
        return [*self.world.keys, *self.world.storage.tokens()]


class Listener(ThreadingHTTPServer):
    """Listens on loopback; each connection is served on a daemon thread."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", port), Wire)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Bind without asking a name server who 127.0.0.1 is, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def opened(self, connection: socket.socket) -> int:
        """Remember a connection; its number, which no other connection of the site has."""
        with self._changed:
            self._open.add(connection)
            self.site.connections_so_far += 1
            return self.site.connections_so_far

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what a connection died of, unless it is only its client's going away."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.site.crashes.append(error)

    def close(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        self.shutdown()
        self.server_close()
        self._thread.join()
        with self._changed:
            for connection in self._open:
                _hang_up(connection)
            self._changed.wait_for(lambda: not self._open, timeout=5)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Its client hung up first.
        return
