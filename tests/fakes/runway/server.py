"""The fake Runway as tests hold it: start it, lay out scripts, break it, read it."""

import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any, Self

from tests.fakes.canary import CANARY
from tests.fakes.runway.rules import credits_for
from tests.fakes.runway.tasks import Look, Task
from tests.fakes.runway.wire import Wire
from tests.fakes.runway.world import Asked, Kind, Trouble, World

KEY = "key_" + CANARY * 10 + "5f0c2e5f"


class FakeRunway:
    """Listens on loopback from its construction on; `close` (or the `with` block's end) ends it.

    `film_size` and `film_s`: the size and length of every video, small and short to spare time;
    None: as asked for.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        key: str = KEY,
        film_size: tuple[int, int] | None = (64, 48),
        film_s: float | None = 0.25,
    ) -> None:
        self.world = World({key}, film_size, film_s)
        self._key = key
        self._listener = _Listener(self.world, port)
        self.port = self._listener.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; raise if the fake itself broke meanwhile."""
        self.world.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        if self.world.crashes:
            raise RuntimeError("the fake Runway broke") from self.world.crashes[0]

    @property
    def key(self) -> str:
        """The key that it was set up with."""
        return self._key

    # Breaking it

    def script(self, *scripts: tuple[Look, ...]) -> None:
        """Lay out the scripts of the next tasks, in order."""
        self.world.tasks.scripts.extend(scripts)

    def usual_script(self, script: tuple[Look, ...]) -> None:
        """The script of every task that has none of its own."""
        self.world.tasks.usual = script

    def trouble(self, endpoint: str, kind: Kind, times: int = 1, skip: int = 0) -> None:
        """Let something go wrong."""
        self.world.troubles.append(Trouble(endpoint, kind, times, skip))

    def set_keys(self, *keys: str) -> None:
        """Accept these keys from now on, and no others."""
        self.world.keys = set(keys)

    def set_credit(self, credit: float) -> None:
        """How much the account still holds."""
        self.world.credit = credit

    def expire_links(self) -> None:
        """End the life of every link to an output now."""
        with self.world.lock:
            self.world.dead_tokens |= self.world.tokens

    # Reading it

    @property
    def tasks(self) -> list[Task]:
        """Every task that was ever created, oldest first: each of them was paid."""
        return list(self.world.tasks.all)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What each create asked for."""
        return [dict(task.body) for task in self.tasks]

    def asked(self, endpoint: str) -> list[Asked]:
        """The requests to one endpoint so far."""
        return [asked for asked in self.world.asked if asked.endpoint == endpoint]

    def credits_charged(self) -> float:
        """What all tasks together were estimated at."""
        return sum(credits_for(body) for body in self.bodies)

    def secrets(self) -> list[str]:
        """Every key and token that may appear nowhere."""
        return [*self.world.keys, self._key, *self.world.tokens]

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Wait until `condition` holds; False when it did not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        return True


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        super().__init__(("127.0.0.1", port), Wire)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def server_bind(self) -> None:
        """Bind without asking a name server who 127.0.0.1 is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what a connection died of, unless it is only its client's going away."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.world.crashes.append(error)
