"""A server on loopback that says exactly the bytes it is told to, at the pace it is told to.

It knows nothing of HTTP's rules, so it can break every one of them. Each connection gets the next
reply of the script and is then ended; what was received is kept in `seen`.
"""

import socket
import ssl
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self


@dataclass(frozen=True)
class Reply:
    """One answer.

    `raw`, when given, is sent in place of everything else. From byte `drip_from` on, the answer
    comes one byte every `drip_s`. `reads` is how many bytes of the request's body are taken before
    the answer (None: all of it). `end` is what becomes of the connection afterwards.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    declared_bytes: int | None = None
    raw: bytes | None = None
    drip_from: int | None = None
    drip_s: float = 0.05
    reads: int | None = None
    end: Literal["close", "reset", "hang"] = "close"

    def wire_bytes(self) -> bytes:
        if self.raw is not None:
            return self.raw
        length = len(self.body) if self.declared_bytes is None else self.declared_bytes
        fields = (*self.headers, ("Content-Length", str(length)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"HTTP/1.1 {self.status} Scripted\r\n{head}\r\n".encode("latin-1") + self.body


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedHttp:
    """Serves a script on 127.0.0.1 until the `with` block ends."""

    def __init__(self, *replies: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._script = deque(replies)
        self._tls = tls
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def then(self, *replies: Reply) -> None:
        """Add to the script."""
        self._script.extend(replies)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *self._open):
            sock.close()

    def _start(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            reply = self._script.popleft()
            self.seen.append(_request(sock, reply.reads))
            self._say(sock, reply)
            self._finish(sock, reply.end)

    def _say(self, sock: socket.socket, reply: Reply) -> None:
        data = reply.wire_bytes()
        quick = len(data) if reply.drip_from is None else reply.drip_from
        sock.sendall(data[:quick])
        for byte in data[quick:]:
            if self._over.wait(reply.drip_s):
                return
            sock.sendall(bytes([byte]))

    def _finish(self, sock: socket.socket, end: str) -> None:
        if end == "hang":
            self._over.wait()
        if end == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            sock.shutdown(socket.SHUT_WR)
        sock.close()


def _request(sock: socket.socket, reads: int | None) -> Seen:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65_536)
        if not more:
            raise ConnectionAbortedError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    wanted = int(headers.get("content-length", "0")) if reads is None else reads
    while len(body) < wanted and (more := sock.recv(min(65_536, wanted - len(body)))):
        body += more
    return Seen(method, path, headers, body)
