"""A real self-hosted server, started as a person starts it, with a folder of its own."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "tests" / "photos"


class RunningServer:
    """`bin/serve-api` on a free port. Use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [ROOT / "bin" / "serve-api", "--port", "0", "--data", folder / "data"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        assert line.startswith("serving "), self.log.read_text()
        self.url = line.split()[1]
        keys = json.loads((folder / "data" / "keys.json").read_text())
        self.worker_key, self._admin_key = keys["worker_api_key"], keys["admin_api_key"]

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.terminate()
        self.process.communicate()

    def admin(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call of the operator's."""
        headers = {"Authorization": f"Admin {self._admin_key}", **options.pop("headers", {})}
        url = f"{self.url}/api/admin/{path}"
        answer = requests.request(method, url, headers=headers, timeout=30, **options)
        assert answer.ok, answer.text
        return answer

    def add_photo(self, photo: Path = PHOTOS / "coffee.jpg") -> str:
        """Upload a JPEG; its id."""
        kind = {"Content-Type": "image/jpeg"}
        answer = self.admin("POST", "photos", data=photo.read_bytes(), headers=kind)
        return answer.json()["data"]["photo_id"]

    def add_tasks(
        self, number: int, prompt: str = "steam rises from the cup", photo: Path | None = None
    ) -> list[str]:
        """Queue as many tasks for one photo; their ids."""
        photo_id = self.add_photo() if photo is None else self.add_photo(photo)
        task = {"photo_id": photo_id, "prompt": prompt}
        answers = [self.admin("POST", "tasks", json=task) for _ in range(number)]
        return [answer.json()["data"]["item_id"] for answer in answers]

    def task(self, item_id: str) -> dict[str, Any]:
        """A task as the server's table has it."""
        return self.admin("GET", f"tasks/{item_id}").json()["data"]

    def tasks(self) -> list[dict[str, Any]]:
        """The first five hundred tasks."""
        return self.admin("GET", "tasks?limit=500").json()["data"]["tasks"]

    def video(self, item_id: str) -> bytes:
        """A finished video."""
        return self.admin("GET", f"tasks/{item_id}/video").content

    def requests_seen(self, pattern: str) -> list[str]:
        """The lines of the server's access log that hold `pattern`."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if re.search(pattern, line)]
