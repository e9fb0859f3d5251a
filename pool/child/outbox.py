"""The child's end of the pipe to its supervisor. Never blocks, whatever the supervisor does.

When the supervisor does not read (stopped, or busy), the kernel's buffer fills up. Then lines that
the next one replaces anyway are dropped, and those that count are kept until there is room.
"""

import socket
from collections import deque

from pool.messages import Beat, Message, Said

_KEPT = 1000


class Outbox:
    """Queue of lines on a socket. Used by the child's main thread alone.

    Only the sending does not block: the inlet's thread reads the same socket and waits there.
    """

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        self._lines: deque[bytes] = deque(maxlen=_KEPT)
        self._rest = b""

    def send(self, message: Message) -> None:
        """Send now what fits; keep or drop the rest by its kind."""
        self.flush()
        backed_up = bool(self._rest or self._lines)
        if backed_up and isinstance(message, Beat | Said):
            return
        self._lines.append(message.line())
        self.flush()

    def flush(self) -> None:
        """Write what the kernel takes. A supervisor that is gone is noticed elsewhere."""
        while self._rest or self._lines:
            if not self._rest:
                self._rest = self._lines.popleft()
            try:
                self._rest = self._rest[self._pipe.send(self._rest, socket.MSG_DONTWAIT) :]
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                return
