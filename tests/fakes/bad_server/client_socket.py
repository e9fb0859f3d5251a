"""The client's end of a connection, as far as faults play with it."""

import socket
import struct
import threading
import time
from io import BufferedIOBase
from typing import NoReturn

from tests.fakes.bad_server.faults import Drip

LOOK_EVERY_S = 0.01


class Gone(Exception):
    """The exchange ends here, without an answer or with half of one."""


class ClientSocket:
    """A socket with its reader. `stopping` ends every wait. Used by the connection's own thread."""

    def __init__(
        self, connection: socket.socket, reader: BufferedIOBase, stopping: threading.Event
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._stopping = stopping

    def is_gone(self) -> bool:
        """Whether the client has closed its end, or the connection is broken."""
        try:
            return self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def wait(self, seconds: float) -> None:
        """Let time pass; `Gone` as soon as the client goes away, or the server stops."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stopping.wait(min(left, LOOK_EVERY_S)) or self.is_gone():
                raise Gone

    def reset(self) -> NoReturn:
        """Reset the connection."""
        # Lingering for zero seconds makes the close a reset. The reader shares the socket, so it
        # has to let go as well before the socket is really closed.
        linger = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._reader.close()
        self._connection.close()
        raise Gone

    def drip(self, head: bytes, body: bytes, fault: Drip) -> None:
        """Send an answer byte by byte."""
        if not fault.head_too:
            self._connection.sendall(head)
        for byte in head + body if fault.head_too else body:
            self.wait(1 / fault.bytes_per_s)
            self._connection.sendall(bytes([byte]))
