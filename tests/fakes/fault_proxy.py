"""A TCP proxy on loopback that does to connections what networks do to them.

It knows nothing of HTTP. Two daemon threads a connection carry bytes up (to the server) and down
(to the client), a piece at a time, and ask before each piece what the `Weather` is, so that a
change of weather reaches connections that are open already.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

Direction = Literal["up", "down"]
PIECE_BYTES = 65_536
LOOK_EVERY_S = 0.01


@dataclass(frozen=True)
class Weather:
    """What happens to bytes on their way. The default is a clear day.

    `latency_s` is added to each piece. `bytes_per_s` makes bytes travel one at a time.
    `reset_up_after_bytes` and `reset_down_after_bytes` reset a connection once it has carried so
    many bytes that way; with `reset_down_after_bytes=0` the request has its effect and the answer
    is lost. `blackhole` swallows whatever is sent, both ways, and answers nothing.
    """

    latency_s: float = 0.0
    bytes_per_s: float | None = None
    reset_up_after_bytes: int | None = None
    reset_down_after_bytes: int | None = None
    blackhole: bool = False

    def limit(self, direction: Direction) -> int | None:
        """After how many bytes a connection is reset, counted one way."""
        return self.reset_up_after_bytes if direction == "up" else self.reset_down_after_bytes


LOSS_AFTER_EFFECT = Weather(reset_down_after_bytes=0)
ONE_BYTE_A_SECOND = Weather(bytes_per_s=1.0)
BLACKHOLE = Weather(blackhole=True)


class FaultProxy:
    """Listens on a free port and carries every connection to `target` (host, port).

    Use it as a context manager. `weather` may be set from any thread at any time.
    """

    def __init__(self, target: tuple[str, int], weather: Weather | None = None) -> None:
        self.target = target
        self.weather = weather or Weather()
        self.connections = 0
        self._pipes: list[_Pipe] = []
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._port = 0
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.down()

    @property
    def port(self) -> int:
        """The port, the same each time that the proxy comes up."""
        return self._port

    @property
    def url(self) -> str:
        """The proxy's own origin."""
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Accept connections."""
        if self._socket is None:
            self._socket = socket.create_server(("127.0.0.1", self._port), backlog=64)
            self._port = self._socket.getsockname()[1]
            self._acceptor = threading.Thread(
                target=self._accept, args=(self._socket,), daemon=True
            )
            self._acceptor.start()

    def down(self) -> None:
        """Refuse connections and reset those that are open."""
        listening, self._socket = self._socket, None
        if listening is None or self._acceptor is None:
            return
        # A thread blocked in accept() is woken by a shutdown, not by a close.
        listening.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        listening.close()
        self.reset_all()

    def reset_all(self) -> None:
        """Reset every open connection; new ones are accepted."""
        with self._lock:
            pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.reset()
        for pipe in pipes:
            pipe.join()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                self._carry(client)

    def _carry(self, client: socket.socket) -> None:
        self.connections += 1
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        pipe = _Pipe(self, client, server)
        with self._lock:
            self._pipes = [p for p in self._pipes if not p.closed.is_set()] + [pipe]
        pipe.start()


class _Pipe:
    """One connection through the proxy."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.closed = threading.Event()

    def start(self) -> None:
        """Carry both ways."""
        ways = ((self._client, self._server, "up"), (self._server, self._client, "down"))
        self._threads = [threading.Thread(target=self._run, args=way, daemon=True) for way in ways]
        for thread in self._threads:
            thread.start()

    def reset(self) -> None:
        """Reset both sides. Called from either carrying thread, and from the test's."""
        self._close(linger=struct.pack("ii", 1, 0))

    def join(self) -> None:
        """Wait until both threads have let go of the sockets: only then is the reset sent."""
        for thread in self._threads:
            thread.join()

    def _close(self, linger: bytes | None = None) -> None:
        with self._lock:
            if self.closed.is_set():
                return
            self.closed.set()
            for side in (self._client, self._server):
                _close_socket(side, linger)

    def _run(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        carried = 0
        try:
            for piece in self._pieces(source):
                carried = self._pass_on(piece, sink, direction, carried)
        except OSError:
            self.reset()
        # An end of either way ends the connection: the clients and servers here never half-close.
        self._close()

    def _pieces(self, source: socket.socket) -> Iterator[bytes]:
        source.settimeout(LOOK_EVERY_S)
        while not self.closed.is_set():
            with contextlib.suppress(TimeoutError):
                piece = source.recv(PIECE_BYTES)
                if not piece:
                    return
                yield piece

    def _pass_on(
        self, piece: bytes, sink: socket.socket, direction: Direction, carried: int
    ) -> int:
        weather = self._proxy.weather
        if weather.blackhole:
            return carried
        self._wait(weather.latency_s)
        limit = weather.limit(direction)
        allowed = piece if limit is None else piece[: max(0, limit - carried)]
        self._send(allowed, sink, weather.bytes_per_s)
        if limit is not None and carried + len(piece) > limit:
            self.reset()
        return carried + len(allowed)

    def _send(self, piece: bytes, sink: socket.socket, bytes_per_s: float | None) -> None:
        if bytes_per_s is None:
            _send_all(sink, piece)
            return
        for sent, byte in enumerate(piece):
            self._wait(1 / bytes_per_s)
            if self._proxy.weather.bytes_per_s is None:
                # The weather cleared up: what is left travels at once.
                _send_all(sink, piece[sent:])
                return
            _send_all(sink, bytes([byte]))

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.closed.is_set() and (left := until - time.monotonic()) > 0:
            self.closed.wait(min(left, LOOK_EVERY_S))


def _send_all(sink: socket.socket, piece: bytes) -> None:
    # The sink is read with a short timeout by the other thread; a slow reader is no error here.
    view = memoryview(piece)
    while view:
        with contextlib.suppress(TimeoutError):
            view = view[sink.send(view) :]


def _close_socket(side: socket.socket, linger: bytes | None) -> None:
    with contextlib.suppress(OSError):
        if linger is not None:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            side.shutdown(socket.SHUT_RDWR)
    side.close()
