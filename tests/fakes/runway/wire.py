"""One connection of the fake Runway: routes, faults, bytes."""

import email
import email.policy
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.bad_server.client_socket import ClientSocket, Gone
from tests.fakes.bad_server.faults import Canned, CutAnswer, Delay, Drip, Reset
from tests.fakes.bad_server.replies import Reply, canned
from tests.fakes.runway.rules import credits_for, problem
from tests.fakes.runway.tasks import LIVE, Look, Task
from tests.fakes.runway.world import (
    CANCEL,
    CREATE,
    DOWNLOAD,
    LOOK,
    START_UPLOAD,
    STORE,
    Asked,
    Kind,
)

VERSION = "2024-11-06"
_ROUTES = (
    ("POST", r"/v1/image_to_video", CREATE),
    ("GET", r"/v1/tasks/(?P<name>[^/]+)", LOOK),
    ("DELETE", r"/v1/tasks/(?P<name>[^/]+)", CANCEL),
    ("POST", r"/v1/uploads", START_UPLOAD),
    ("GET", r"/v1/organization", "organization"),
    ("POST", r"/store", STORE),
    ("GET", r"/output/(?P<name>[^/]+)\.mp4", DOWNLOAD),
)


class Wire(BaseHTTPRequestHandler):
    """Serves one connection on a daemon thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Nothing."""

    def do_GET(self) -> None:
        """Serve any method; BaseHTTPRequestHandler finds its handlers by these names."""
        self.world = self.server.world
        self._socket = ClientSocket(self.connection, self.rfile, self.world.stopping)
        try:
            self._exchange()
        except (Gone, ConnectionError):
            self.close_connection = True

    do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815  # the base's names

    def _exchange(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise Gone
        endpoint, name = self._route()
        self.world.asked.append(Asked(endpoint, time.monotonic(), name))
        fault = self.world.trouble_for(endpoint)
        reply = self._before(fault) or self._answer(endpoint, name, body)
        self._send(self._after(fault, reply), fault)

    def _route(self) -> tuple[str, str]:
        path = urlsplit(self.path).path
        for method, shape, endpoint in _ROUTES:
            match = re.fullmatch(shape, path)
            if match and method == self.command:
                return endpoint, match.groupdict().get("name", "")
        return "nowhere", ""

    def _answer(self, endpoint: str, name: str, body: bytes) -> Reply:
        open_to_all: dict[str, Callable[[], Reply]] = {
            STORE: lambda: self._store(body),
            DOWNLOAD: lambda: self._download(name),
        }
        if endpoint in open_to_all:
            return open_to_all[endpoint]()
        refusal = self._refusal()
        if refusal is not None:
            return refusal
        calls: dict[str, Callable[[], Reply]] = {
            CREATE: lambda: self._create(json.loads(body)),
            LOOK: lambda: self._look(name),
            CANCEL: lambda: self._cancel(name),
            START_UPLOAD: lambda: self._start_upload(json.loads(body)),
            "organization": self._organization,
        }
        return calls.get(endpoint, lambda: _error(404, "Not found"))()

    def _refusal(self) -> Reply | None:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or key not in self.world.keys:
            return _error(401, "The API key provided is not valid.")
        if self.headers.get("X-Runway-Version") != VERSION:
            return _error(400, "The X-Runway-Version header is missing or not valid.")
        return None

    # The API

    def _create(self, body: dict[str, Any]) -> Reply:
        found = problem(body, self.world.uploads)
        if found is not None:
            field, why = found
            issues = [{"code": "invalid_input", "message": why, "path": [field]}]
            return _json(400, {"error": "Validation of body failed", "issues": issues})
        price = credits_for(body)
        if price > self.world.credit:
            return _error(400, "You do not have enough credits to run this task.")
        self.world.credit -= price
        task = self.world.tasks.add(self.headers["Authorization"].split()[1], body, price)
        return _json(200, {"id": task.task_id, "estimatedCost": {"credits": price}})

    def _look(self, task_id: str) -> Reply:
        task = self.world.tasks.get(task_id)
        if task is None:
            return _error(404, "Task not found")
        with self.world.tasks.lock:
            seen = task.look()
        return _json(200, self._shown(task, seen))

    def _shown(self, task: Task, seen: Look) -> dict[str, Any]:
        made_at = datetime.now(UTC).isoformat()
        shown: dict[str, Any] = {"id": task.task_id, "createdAt": made_at, "status": seen.status}
        if seen.status in LIVE:
            shown["estimatedCost"] = {"credits": task.credits_estimated}
        else:
            charged = seen.credits_charged
            shown["cost"] = {"credits": task.credits_estimated if charged is None else charged}
        if seen.status == "RUNNING":
            shown["progress"] = seen.progress
        if seen.status == "SUCCEEDED":
            shown["output"] = self._links(task) if seen.output is None else list(seen.output)
        if seen.status == "FAILED":
            shown["failure"] = seen.failure
            if seen.code is not None:
                shown["failureCode"] = seen.code
        return shown

    def _links(self, task: Task) -> list[str]:
        return [f"{self._origin()}/output/{task.task_id}.mp4?_jwt={self.world.token()}"]

    def _cancel(self, task_id: str) -> Reply:
        self.world.tasks.remove(task_id)
        return Reply(204)

    def _start_upload(self, body: dict[str, Any]) -> Reply:
        if body.get("type") != "ephemeral" or not body.get("filename"):
            return _error(400, "Invalid parameter 'type'")
        uri = f"runway://{self.world.token()}"
        fields = {"key": uri, "policy": self.world.token()}
        answer = {"uploadUrl": f"{self._origin()}/store", "fields": fields, "runwayUri": uri}
        return _json(200, answer)

    def _organization(self) -> Reply:
        tier = {"maxMonthlyCreditSpend": 10_000, "models": {}}
        answer = {"creditBalance": int(self.world.credit), "tier": tier, "usage": {"models": {}}}
        return _json(200, answer)

    # The store

    def _store(self, body: bytes) -> Reply:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in form.iter_parts()
        }
        if self.headers.get("Authorization"):
            return _error(400, "Only one auth mechanism allowed")
        if parts.get("policy", b"").decode() not in self.world.tokens or "file" not in parts:
            return _error(403, "Invalid according to Policy")
        if not 512 <= len(parts["file"]) <= 200 * 1024 * 1024:
            return _error(400, "EntityTooLarge")
        self.world.uploads[parts["key"].decode()] = parts["file"]
        return Reply(204)

    def _download(self, task_id: str) -> Reply:
        token = parse_qs(urlsplit(self.path).query).get("_jwt", [""])[0]
        task = self.world.tasks.get(task_id)
        if task is None or token not in self.world.tokens - self.world.dead_tokens:
            return Reply(401, b"expired", "text/plain")
        return Reply(200, self.world.film_of(task), "video/mp4")

    def _origin(self) -> str:
        return f"http://{self.headers['Host']}"

    # Faults and bytes

    def _before(self, fault: Kind | None) -> Reply | None:
        if isinstance(fault, Reset) and not fault.after_effect:
            self._socket.reset()
        if isinstance(fault, Delay) and not fault.after_effect:
            self._socket.wait(fault.seconds)
        if isinstance(fault, Canned) and not fault.after_effect:
            return canned(fault)
        return None

    def _after(self, fault: Kind | None, reply: Reply) -> Reply:
        if isinstance(fault, Reset):
            self._socket.reset()
        if isinstance(fault, Delay) and fault.after_effect:
            self._socket.wait(fault.seconds)
        if isinstance(fault, Canned) and fault.after_effect:
            return canned(fault)
        return reply

    def _send(self, reply: Reply, fault: Kind | None) -> None:
        head = reply.head(keep_alive=not self.close_connection)
        if isinstance(fault, Drip):
            self._socket.drip(head, reply.body, fault)
        elif isinstance(fault, CutAnswer):
            self.connection.sendall(head + reply.body[: fault.after_bytes])
            self._socket.reset()
        else:
            self.connection.sendall(head + reply.body)


def _json(status: int, answer: object) -> Reply:
    return Reply(status, json.dumps(answer).encode())


def _error(status: int, message: str) -> Reply:
    return _json(status, {"error": message})
