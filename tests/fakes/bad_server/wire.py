"""One connection of the fake server: reads requests, brings faults about, writes the log.

Theory of operation. Every request becomes a `Draft`, filled in as more is known and turned into a
log entry when the request is over, however it ends. A fault acts in up to three places: before
the call (`_before`), between its effect and the answer (`_after`), and on the answer's bytes
(`_send`). `Gone` leaves the exchange early: the client went away, or a fault cut it off.
"""

import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.bad_server import worker_api
from tests.fakes.bad_server.client_socket import ClientSocket, Gone
from tests.fakes.bad_server.faults import (
    Canned,
    CutAnswer,
    CutUpload,
    DatabaseError,
    Delay,
    Drip,
    Kind,
    Overlay,
    Reset,
    StorageRefusal,
)
from tests.fakes.bad_server.journal import Draft
from tests.fakes.bad_server.replies import (
    Outcome,
    Reply,
    canned,
    error,
    overlaid,
    parsed,
    storage_error,
)
from tests.fakes.bad_server.storage import Grant

if TYPE_CHECKING:
    from tests.fakes.bad_server.listener import Listener

LONGEST_LOGGED_TEXT = 2000
STORAGE_ROUTES = {
    "GET": ("download", "/storage/v1/object/sign/"),
    "PUT": ("upload", "/storage/v1/object/upload/sign/"),
}

ROUTES: dict[str, Callable[[worker_api.World, dict[str, object]], Outcome]] = {
    "next-task": worker_api.next_task,
    "heartbeat": worker_api.heartbeat,
    "report": worker_api.report,
}
# Signing needs the request's own number and origin, so `_sign` is no plain route.
CALLS = {*ROUTES, "presign"}


class Wire(BaseHTTPRequestHandler):
    """Serves one keep-alive connection on a daemon thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Listener"
    connection: socket.socket
    rfile: BufferedReader

    def setup(self) -> None:
        """Number the connection and let the listener know of it."""
        super().setup()
        self.site = self.server.site
        self.number = self.server.opened(self.connection)
        self._socket = ClientSocket(self.connection, self.rfile, self.site.stopping)

    def finish(self) -> None:
        """Let the listener forget the connection."""
        self.server.closed(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Nothing: the journal is the log."""

    def handle_one_request(self) -> None:
        """Note when the first byte comes: the rest may take long, and was sent all the same."""
        self.rfile.peek(1)
        self._began_s = time.monotonic()
        super().handle_one_request()

    def do_POST(self) -> None:
        """Serve any method; BaseHTTPRequestHandler finds its handlers by these names."""
        self._draft = Draft(self.site.journal.number(), self.number, self._began_s)
        try:
            self._exchange()
        except (Gone, ConnectionError):
            self.close_connection = True
        finally:
            self.site.journal.add(self._draft.entry(time.monotonic()))

    do_GET = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_POST  # noqa: N815  # the base's names

    def _exchange(self) -> None:
        url = urlsplit(self.path)
        if self.command in STORAGE_ROUTES and url.path.startswith(STORAGE_ROUTES[self.command][1]):
            self._storage(unquote(url.path), parse_qs(url.query).get("token", [""])[0])
            return
        body = self._read_body()
        name = url.path.removeprefix("/api/worker/")
        self._draft.endpoint = name.rstrip("/")
        if url.path.endswith("/") and self.site.world.bugs.trailing_slash_is_308:
            self._send(Reply(308, headers=(("Location", url.path.rstrip("/")),)), None)
        elif not url.path.startswith("/api/worker/") or name.rstrip("/") not in CALLS:
            self._send(error(404, "Not found"), None)
        elif self.command != "POST":
            self._send(Reply(405), None)
        else:
            self._worker_call(name.rstrip("/"), body)

    # The Worker API

    def _worker_call(self, name: str, raw: bytes) -> None:
        body = parsed(raw)
        self._draft.endpoint = f"{name}-{body.get('operation')}" if name == "presign" else name
        self._describe(body)
        fault = self._pick()
        outcome = self._before(fault) or self._perform(lambda: self._route(name, body))
        reply = self._after(fault, outcome)
        self._send(reply, fault)

    def _route(self, name: str, body: dict[str, object]) -> Outcome:
        world = self.site.world
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Worker" or key not in world.keys:
            return Outcome(error(401, "Unauthorized"))
        return ROUTES[name](world, body) if name in ROUTES else self._sign(world, body)

    def _sign(self, world: worker_api.World, body: dict[str, object]) -> Outcome:
        signer = worker_api.Signer(self.site.storage_origin or self._origin(), self._draft.seq)
        calls = {"download": signer.download, "upload": signer.upload}
        call = calls.get(str(body.get("operation")))
        return call(world, body) if call else Outcome(error(400, "Unknown operation"))

    def _origin(self) -> str:
        # The Host header, not our own address: through a proxy the storage is reached through it.
        return f"http://{self.headers.get('Host', 'localhost')}"

    def _describe(self, body: dict[str, object]) -> None:
        draft = self._draft
        draft.request = {key: self._clean(key, value) for key, value in body.items()}
        draft.worker_id = _text(body.get("worker_id"))
        draft.item_id = _text(body.get("item_id")) or _text(body.get("video_item_id"))
        photo = _text(body.get("storage_path"))
        if photo:
            draft.item_id = self._owner_of(photo)

    def _clean(self, key: str, value: object) -> object:
        if not isinstance(value, str):
            return value
        for secret in self.site.secrets():
            if secret in value:
                value = value.replace(secret, "<secret>")
                self._draft.leaks += (f"a secret in the field {key}",)
        return value[:LONGEST_LOGGED_TEXT]

    def _owner_of(self, photo_path: str) -> str:
        rows = self.site.world.items.all()
        return next((row.item_id for row in rows if row.photo_path == photo_path), "")

    # The storage

    def _storage(self, path: str, token: str) -> None:
        endpoint, prefix = STORAGE_ROUTES[self.command]
        bucket, _, name = path.removeprefix(prefix).partition("/")
        grant = self.site.world.storage.grant(token)
        self._draft.endpoint = endpoint
        self._draft.signed_by = grant.signed_by if grant else None
        self._draft.item_id = self._owner_of(name) or PurePosixPath(name).stem
        self._draft.request = {"path": name, "content_type": self.headers.get("Content-Type", "")}
        if self.headers.get("Authorization"):
            self._draft.leaks += ("an Authorization header sent to the storage",)
        fault = self._pick()
        early = self._before(fault)
        refusal = self.site.world.storage.refusal(grant, self.command, bucket, name)
        # Read in any case, so that the connection can be used again after a refusal. The refusal
        # is decided first: of two uploads at once both then pass, and the later to end wins.
        decided = self._refuse_upload(grant, refusal) if endpoint == "upload" else refusal
        body = self._read_body(fault)
        outcome = early or self._perform(lambda: self._store_or_serve(grant, decided, body))
        self._send(self._after(fault, outcome), fault)

    def _refuse_upload(self, grant: Grant | None, refusal: str | None) -> str | None:
        if grant is None or refusal is not None:
            return refusal
        world, header = self.site.world, self.headers.get("Content-Length")
        length = None if header is None else int(header)
        kind = self.headers.get("Content-Type", "")
        limit = world.settings.max_object_bytes
        return world.storage.refuse_upload(grant, kind, length, world.bugs, limit)

    def _store_or_serve(self, grant: Grant | None, refusal: str | None, body: bytes) -> Outcome:
        world = self.site.world
        if refusal is not None or grant is None:
            reply = storage_error(refusal or "InvalidSignature", world.settings.dialect)
            return Outcome(reply)
        if self.command == "GET":
            return world.storage.serve(grant, world.settings)
        return world.storage.accept(grant, body, world.bugs, world.settings)

    # Faults

    def _pick(self) -> Kind | None:
        fault = self.site.desk.pick(self._draft.endpoint, self._draft.worker_id)
        self._draft.fault = _named(fault) if fault else ""
        return fault

    def _perform(self, call: Callable[[], Outcome]) -> Outcome:
        outcome = call()
        self._draft.effect = outcome.effect
        return outcome

    def _before(self, fault: Kind | None) -> Outcome | None:
        """Bring about what comes before the effect; an outcome here means there is no effect."""
        if isinstance(fault, Reset) and not fault.after_effect:
            self._socket.reset()
        if isinstance(fault, Delay) and not fault.after_effect:
            self._socket.wait(fault.seconds)
        if isinstance(fault, Canned) and not fault.after_effect:
            return Outcome(canned(fault))
        if isinstance(fault, DatabaseError):
            return Outcome(self._database_error())
        if isinstance(fault, StorageRefusal):
            return Outcome(storage_error(fault.error, self.site.world.settings.dialect))
        return None

    def _database_error(self) -> Reply:
        masked = self._draft.endpoint in ("heartbeat", "report")
        if masked and self.site.world.bugs.database_errors_are_404:
            return error(404, "Task not found or not assigned to this worker")
        return error(500, "Internal server error")

    def _after(self, fault: Kind | None, outcome: Outcome) -> Reply:
        if isinstance(fault, Reset):
            self._socket.reset()
        if isinstance(fault, Delay) and fault.after_effect:
            self._socket.wait(fault.seconds)
        if isinstance(fault, Canned) and fault.after_effect:
            return canned(fault)
        if isinstance(fault, Overlay):
            return overlaid(outcome.reply, fault)
        return outcome.reply

    # Bytes

    def _read_body(self, fault: Kind | None = None) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if isinstance(fault, CutUpload):
            self.rfile.read(min(length, fault.after_bytes))
            self._socket.reset()
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            # Its length is unknown to us, so nothing after it on this connection can be read.
            self.close_connection = True
        body = self.rfile.read(length)
        if len(body) < length:
            raise Gone
        return body

    def _send(self, reply: Reply, fault: Kind | None) -> None:
        if self._socket.is_gone():
            raise Gone
        self._draft.status = reply.status
        head = reply.head(keep_alive=not self.close_connection)
        if isinstance(fault, Drip):
            self._socket.drip(head, reply.body, fault)
        elif isinstance(fault, CutAnswer):
            self.site.journal.announce(self._draft.seq)
            self.connection.sendall(head + reply.body[: fault.after_bytes])
            self._socket.reset()
        else:
            self.site.journal.announce(self._draft.seq)
            self._draft.left_s = time.monotonic()
            self.connection.sendall(head + (b"" if self.command == "HEAD" else reply.body))
        self._draft.delivered = True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _named(fault: Kind) -> str:
    name = type(fault).__name__
    return f"{name}({', '.join(fault.fields)})" if isinstance(fault, Overlay) else name
