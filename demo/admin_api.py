"""The self-hosted server's calls for its operator, as far as the demonstration needs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from demo.errors import DemoFailed

_TIMEOUT_S = 30.0


class AdminApi:
    """The calls under /api/admin."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor netrc concern the loopback
        self._session.headers["Authorization"] = f"Admin {admin_key}"

    def add_photo(self, photo: Path) -> str:
        """Upload a JPEG; its id."""
        headers = {"Content-Type": "image/jpeg"}
        answer = self._call("POST", "photos", data=photo.read_bytes(), headers=headers)
        return str(answer.json()["data"]["photo_id"])

    def add_task(self, photo_id: str, prompt: str, provider: str | None) -> str:
        """Put a task for this provider (None: for GPUs) at the end of the queue; its id."""
        task = {"photo_id": photo_id, "prompt": prompt, "inference_provider": provider}
        answer = self._call("POST", "tasks", json=task)
        return str(answer.json()["data"]["item_id"])

    def tasks(self) -> list[Mapping[str, Any]]:
        """Every task, oldest first (of the first fifty)."""
        return list(self._call("GET", "tasks").json()["data"]["tasks"])

    def fetch_video(self, item_id: str, target: Path) -> None:
        """Download a finished video."""
        target.write_bytes(self._call("GET", f"tasks/{item_id}/video").content)

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method, f"{self.url}/api/admin/{path}", timeout=_TIMEOUT_S, **options
            )
        except requests.RequestException as error:
            raise DemoFailed(
                f"the server at {self.url} does not answer ({type(error).__name__})"
            ) from None
        if not answer.ok:
            raise DemoFailed(f"the server refused {method} {path}: {answer.text[:200]}")
        return answer
