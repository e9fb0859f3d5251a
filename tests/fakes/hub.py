"""A hub of models on loopback: lists, serves and resumes files of folders, as the real one does.

Only what the hub's client asks for when it downloads a snapshot. After `cut_after` bytes of a
larger file the connection breaks, once, as a network would.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


class Hub:
    """Serves `repositories` (name to folder). Use it in a `with` block."""

    def __init__(self, repositories: dict[str, Path], cut_after: int | None = None) -> None:
        self.repositories = repositories
        self.cut_after = cut_after
        self.served: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables that lead the client here, and nowhere else."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def __enter__(self) -> "Hub":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/models/"):
            self._about(*path.removeprefix("/api/models/").split("/", 2))
        else:
            self._file(body=True)

    def _about(self, owner: str, name: str, asked: str) -> None:
        folder = self.hub.repositories.get(f"{owner}/{name}")
        kind, _, revision = asked.partition("/")
        if folder is None:
            self._json(404, {"error": "Repository not found"}, "RepoNotFound")
        elif kind == "revision" and revision not in ("main", COMMIT):
            self._json(404, {"error": "Invalid rev id"}, "RevisionNotFound")
        elif kind == "tree":
            files = sorted(file for file in folder.rglob("*") if file.is_file())
            self._json(200, [_entry(folder, file) for file in files])
        else:
            self._json(200, {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": []})

    def _json(self, status: int, value: object, code: str | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if code is not None:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        self.wfile.write(data)

    def _file(self, *, body: bool) -> None:
        owner, name, _, _, file = unquote(urlsplit(self.path).path)[1:].split("/", 4)
        data = (self.hub.repositories[f"{owner}/{name}"] / file).read_bytes()
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.hub.served.append((file, asked))
            self._body(data[start:])

    def _body(self, data: bytes) -> None:
        cut = self.hub.cut_after
        if cut is None or len(data) <= cut:
            self.wfile.write(data)
            return
        self.hub.cut_after = None
        self.wfile.write(data[:cut])
        self.close_connection = True


def _entry(folder: Path, file: Path) -> dict[str, object]:
    data = file.read_bytes()
    return {
        "type": "file",
        "path": str(file.relative_to(folder)),
        "size": len(data),
        "oid": hashlib.sha1(data).hexdigest(),
    }
