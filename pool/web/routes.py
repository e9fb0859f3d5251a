"""Which path answers what."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

from pool.exit_codes import StatusExitCode
from pool.web.recorder import Recorder

_PAGE = Path(__file__).with_name("page")
_FILES = MappingProxyType(
    {
        "/": ("index.html", "text/html; charset=utf-8"),
        "/page.css": ("page.css", "text/css; charset=utf-8"),
        "/page.js": ("page.js", "text/javascript; charset=utf-8"),
        "/charts.js": ("charts.js", "text/javascript; charset=utf-8"),
    }
)
_HEALTHY = (StatusExitCode.ALL_WORK, StatusExitCode.SOME_DO_NOT)


@dataclass(frozen=True)
class Reply:
    """One answer."""

    code: HTTPStatus
    content_type: str
    body: bytes


def reply(path: str, accept: str, recorder: Recorder) -> Reply:
    """The answer to `GET path`."""
    match path:
        case "/status.json":
            return _json(recorder.look.json())
        case "/history.json":
            return _json(json.dumps(recorder.page_json()))
        case "/metrics":
            body, content_type = recorder.exposition(accept)
            return Reply(HTTPStatus.OK, content_type, body)
        case "/healthz":
            return _health(recorder)
        case _ if path in _FILES:
            name, content_type = _FILES[path]
            return Reply(HTTPStatus.OK, content_type, (_PAGE / name).read_bytes())
        case _:
            return _text(HTTPStatus.NOT_FOUND, "there is no such page")


def _health(recorder: Recorder) -> Reply:
    """200 while at least one slot works: a load balancer must not give up on seven good GPUs."""
    look = recorder.look
    healthy = look.exit_code in _HEALTHY
    return _text(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, look.line)


def _json(text: str) -> Reply:
    return Reply(HTTPStatus.OK, "application/json", text.encode())


def _text(code: HTTPStatus, sentence: str) -> Reply:
    return Reply(code, "text/plain; charset=utf-8", f"{sentence}\n".encode())
