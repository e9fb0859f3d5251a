"""The limits of one exchange with a server, and how far it got.

A timeout given to requests holds for one read or one write, so a server that sends a byte a second
keeps such a call for ever. Here every blocking operation, from the look-up of the name to the last
byte of the body, gets no more time than is left in total. Look-up, reads and writes are done in
short slices besides, and between two slices the other side's silence and the caller's `stop` are
looked at too; connecting and the TLS handshake are not interrupted, and have a limit of their own.
"""

import ipaddress
import socket
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from client.errors import TransferStopped

T = TypeVar("T")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Admits = Callable[[Address], bool]

CURRENT: ContextVar["Attempt"] = ContextVar("client.attempt")
"""The attempt that the calling thread is in.

urllib3 does not tell a connection for whom it works; both run on the calling thread, so the
connection finds its limits here.
"""

SLICE_S = 0.25
"""How often a look-up, a read or a write that blocks looks at the limits again."""

_SLICE_FLOOR_S = 0.001  # a timeout of zero would mean "do not block" to the socket


def never() -> bool:
    """The `stop` of a call that nobody interrupts."""
    return False


class Attempt:
    """One try at one exchange; made, used and forgotten by one thread.

    `what` names it in messages. It must be over `total_s` after its making, and the other side may
    be silent for `idle_s`. `admits` decides to which addresses it may connect. `sent` turns true
    when the request was handed over whole: from then on it may have taken effect.
    """

    def __init__(
        self,
        what: str,
        *,
        total_s: float,
        idle_s: float,
        admits: Admits,
        stop: Callable[[], bool] = never,
    ) -> None:
        self.what = what
        self.admits = admits
        self.sent = False
        self._idle_s = idle_s
        self._stop = stop
        self._deadline = time.monotonic() + total_s

    def left_s(self) -> float:
        """What is left of the total. Raises `TransferStopped`, or TimeoutError when it is over."""
        if self._stop():
            raise TransferStopped(f"{self.what}: stopped as asked")
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the total deadline has passed")
        return left_s

    def patiently(self, sock: socket.socket, act: Callable[[], T]) -> T:
        """The result of `act`, one read or write on `sock`, repeated while it only times out.

        Raises what `left_s` raises, and TimeoutError when the other side is silent for too long.
        """
        silent_at = time.monotonic() + self._idle_s
        while True:
            patience_s = min(self.left_s(), silent_at - time.monotonic())
            if patience_s <= 0:
                raise TimeoutError("the other side is silent")
            sock.settimeout(max(_SLICE_FLOOR_S, min(patience_s, SLICE_S)))
            try:
                return act()
            except TimeoutError:
                continue
