"""Connections that keep to the limits of the attempt they serve.

urllib3's own connections are changed in four places, all of them on the calling thread:

* opening: the name is looked up with a deadline, and a connection is made only to an address that
  the attempt admits. The address that was judged is the one connected to, so a name that changes
  its answer between two look-ups (DNS rebinding) gains nothing;
* sending and reading: in slices, see `Attempt.patiently`. The TLS handshake needs none, because
  Python bounds it as a whole by the socket's timeout;
* ending: a connection serves one exchange. Calls are rare, a silently dropped idle connection would
  cost a whole timeout, and a reused one would not be judged again.
"""

import http.client
import io
import ipaddress
import socket
import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from client.attempt import CURRENT, SLICE_S, Address, Attempt
from client.errors import UnsafeUrl

_CONNECT_S = 10.0  # for one address, and for the TLS handshake: the next address deserves a try

Lookup = Callable[[str, int], list[Address]]


def system_lookup(host: str, port: int) -> list[Address]:
    """The addresses of a host, in the order of the system's resolver, which may block for long."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(sockaddr[0])) for *_, sockaddr in found]


def looked_up(
    host: str, port: int, attempt: Attempt, lookup: Lookup = system_lookup
) -> list[Address]:
    """The addresses of `host` that the attempt may connect to, found before its deadline.

    The look-up cannot be interrupted, so it gets a thread that is left behind when it is late; it
    has sent nothing and holds nothing. Raises `UnsafeUrl` when no address is admitted.
    """
    results: SimpleQueue[list[Address] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            results.put(lookup(host, port))
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be encoded
            results.put(error)

    threading.Thread(target=look_up, name="dns-lookup", daemon=True).start()
    found = _awaited(results, attempt)
    if isinstance(found, Exception):
        raise found
    admitted = [address for address in found if attempt.admits(address)]
    if not admitted:
        raise UnsafeUrl(f"{attempt.what}: the host's address is not one that may be connected to")
    return admitted


def _awaited(
    results: "SimpleQueue[list[Address] | Exception]", attempt: Attempt
) -> list[Address] | Exception:
    while True:
        try:
            return results.get(timeout=min(attempt.left_s(), SLICE_S))
        except Empty:
            continue


def connected(host: str, port: int, attempt: Attempt) -> socket.socket:
    """A TCP connection to the first admitted address that answers. Raises OSError."""
    failure = OSError("the name has no address")
    for address in looked_up(host, port, attempt):
        try:
            return _opened(address, port, attempt)
        except OSError as error:
            failure = error
    raise failure


def _opened(address: Address, port: int, attempt: Attempt) -> socket.socket:
    inet6 = isinstance(address, ipaddress.IPv6Address)
    family = socket.AF_INET6 if inet6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(min(attempt.left_s(), _CONNECT_S))
        sock.connect((str(address), port))
        sock.settimeout(min(attempt.left_s(), _CONNECT_S))  # the TLS handshake's limit
    except BaseException:
        sock.close()
        raise
    return sock


class _PatientReader(io.RawIOBase):
    """The receiving half of a socket. Keeps it open when the connection has let go of it."""

    def __init__(self, sock: socket.socket, attempt: Attempt) -> None:
        super().__init__()
        self._sock = sock
        self._attempt = attempt
        self._hold = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._attempt.patiently(self._sock, lambda: self._sock.recv_into(buffer))

    def close(self) -> None:
        self._hold.close()
        super().close()


class _PatientSource:
    """What http.client's response takes for a socket: it only ever asks for a file to read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_PatientReader(self._sock, CURRENT.get()))


class _PatientResponse(http.client.HTTPResponse):
    """A response, headers and body, that is read within the attempt's limits."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(cast("socket.socket", _PatientSource(sock)), *args, **options)

    def begin(self) -> None:
        super().begin()
        self.will_close = True  # whatever the server offers: one exchange per connection


class _Patient(HTTPConnection):
    """The changes that plain and TLS connections share."""

    response_class = _PatientResponse

    def _new_conn(self) -> socket.socket:
        try:
            return connected(self.host, self.port, CURRENT.get())
        except OSError as error:
            # urllib3 takes a bare reset for an answer to be read, though nothing was asked yet.
            raise NewConnectionError(self, "not connected") from error

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        sock = cast("socket.socket", self.sock)
        rest = memoryview(data)
        while rest:
            rest = rest[CURRENT.get().patiently(sock, partial(sock.send, rest)) :]

    def getresponse(self) -> Any:
        CURRENT.get().sent = True  # urllib3 asks for the answer only after the last byte is sent
        return super().getresponse()


class _PatientTls(_Patient, HTTPSConnection):
    """A TLS connection: `_new_conn` gives it its socket, and the rest works on what wraps that."""


class PatientPool(HTTPConnectionPool):
    """Plain connections to one host."""

    ConnectionCls = _Patient


class PatientTlsPool(HTTPSConnectionPool):
    """TLS connections to one host."""

    ConnectionCls = _PatientTls
