"""The queue and the storage as a child's workbench sees them: the real client above its sockets."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from client import answers, wire
from client.errors import AlreadyStored, ClientError, TransferStopped, Transient
from client.received import Received
from client.storage_answers import refusal
from client.worker_api import WorkerApi
from tests.fakes.bad_server.replies import Outcome, Reply
from tests.simulation.history import History
from tests.simulation.network import Network, Request
from tests.simulation.server import ORIGIN, Server
from tests.simulation.world import Process, World

T = TypeVar("T")
API_TIMEOUT_S = 30.0
_PUT_TIMEOUT_S = 60.0
_PARTS = 3
_PART_S = 0.7
_KEY = "a-simulated-worker-key"
_SESSION = requests.Session()  # never used: nothing here opens a socket


@dataclass(frozen=True)
class Line:
    """One child's way out. Writes down what leaves and what the child learns."""

    world: World
    network: Network
    server: Server
    history: History
    process: Process
    pool: str

    def sent(self, endpoint: str, item_id: str, text: str = "") -> float:
        """A request leaves; the instant."""
        self.history.add(self.world.now, "sent", self.process.name, item_id, endpoint, text)
        return self.world.now

    def learned(self, endpoint: str, item_id: str, text: str, sent_at: float) -> None:
        """The child knows what came of it."""
        if self.process.alive:
            name, now = self.process.name, self.world.now
            self.history.add(now, "answered", name, item_id, endpoint, text, sent_at)

    def exchange(self, endpoint: str, act: Callable[[], Outcome], timeout_s: float) -> Received:
        """One exchange, blocking. Raises `Transient`."""
        reply = self.network.exchange(Request(self.process, self.pool, endpoint, act, timeout_s))
        return _received(reply)


class SimQueue(WorkerApi):
    """The real verbs and the real reading of answers; only the exchange is simulated."""

    def __init__(self, line: Line) -> None:
        super().__init__(ORIGIN, _KEY, "wan", API_TIMEOUT_S, _SESSION)
        self._line = line

    def _call(self, ask: wire.WireRequest, reading: answers.Reading[T]) -> T:
        endpoint, item_id = _named(ask)
        sent_at = self._line.sent(endpoint, item_id, _detail(ask))
        act = lambda: self._line.server.answer(ask)  # noqa: E731 - a name for the one argument
        try:
            received = self._line.exchange(endpoint, act, API_TIMEOUT_S)
            value = answers.understood(endpoint, reading, received, _KEY)
        except ClientError as error:
            self._line.learned(endpoint, item_id, type(error).__name__, sent_at)
            raise
        empty = value is None and isinstance(ask, wire.NextTask)
        self._line.learned(endpoint, item_id, "empty" if empty else "ok", sent_at)
        if isinstance(value, wire.Task):
            name, now = self._line.process.name, self._line.world.now
            self._line.history.add(now, "leased", name, value.item_id, "", "", sent_at)
        return value


class SimShelf:
    """Same shape as `client.Storage`: a transfer takes time, and stops when told to."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def fetch(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        progress: Callable[[int, int], None],
        stop: Callable[[], bool],
    ) -> int:
        """A photo down."""
        item_id = Path(urlsplit(url).path).stem.removesuffix("_original")
        body = self._transfer("download", item_id, lambda: self._line.server.read(url), stop)
        target.write_bytes(body)
        progress(len(body), len(body))
        return len(body)

    def store(
        self,
        url: str,
        source: Path,
        *,
        progress: Callable[[int, int], None],
        stop: Callable[[], bool],
    ) -> None:
        """A video up, in parts; it arrives whole or not at all."""
        item_id, body = Path(urlsplit(url).path).stem, source.read_bytes()
        for part in range(_PARTS - 1):
            if stop():
                raise TransferStopped("stopped as asked")
            self._line.sent("upload", item_id, "part")
            self._line.world.sleep(_PART_S)
            progress(part + 1, _PARTS)
        self._transfer("upload", item_id, lambda: self._line.server.write(url, body), stop)
        progress(_PARTS, _PARTS)

    def _transfer(
        self, endpoint: str, item_id: str, act: Callable[[], Outcome], stop: Callable[[], bool]
    ) -> bytes:
        if stop():
            raise TransferStopped("stopped as asked")
        sent_at = self._line.sent(endpoint, item_id, "whole")
        try:
            received = self._line.exchange(endpoint, act, _PUT_TIMEOUT_S)
            if not received.ok:
                raise refusal(endpoint, received)
            if received.is_page:
                raise Transient("a web page instead of the storage's answer", maybe_done=True)
        except ClientError as error:
            text = "ok" if isinstance(error, AlreadyStored) else type(error).__name__
            self._line.learned(endpoint, item_id, text, sent_at)
            raise
        self._line.learned(endpoint, item_id, "ok", sent_at)
        return received.body


def _named(ask: wire.WireRequest) -> tuple[str, str]:
    match ask:
        case wire.NextTask():
            return "next-task", ""
        case wire.PresignDownload(path):
            return "presign-download", Path(path).stem.removesuffix("_original")
        case wire.PresignUpload(item_id):
            return "presign-upload", item_id
        case _:
            return ask.verb, ask.item_id


def _detail(ask: wire.WireRequest) -> str:
    match ask:
        case wire.Heartbeat(extend_seconds=extend_s):
            return str(extend_s)
        case wire.ReportCompleted(video_storage_path=path):
            return f"completed {path}"
        case wire.ReportFailed(error_message=reason):
            return f"failed {reason}"
        case _:
            return ""


def _received(reply: Reply) -> Received:
    headers = dict(reply.headers)
    wait = headers.get("Retry-After")
    kind = reply.content_type.partition(";")[0]
    return Received(reply.status, kind, reply.body, float(wait) if wait else None)


def content_of(item_id: str, seed: int) -> bytes:
    """The bytes that stand for an item's video."""
    return json.dumps({"item": item_id, "seed": seed}).encode()
