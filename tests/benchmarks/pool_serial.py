"""The loop that the specifications print: everything in a row, one process per device.

`python -m tests.benchmarks.pool_serial URL RECORD FOLDER`, the key in WORKER_API_KEY. Written from
the specifications' own example, with one kindness: the model is not loaded anew for every task.
Its heartbeats start after two minutes, so no task here would see one.
"""

import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import requests

from inference.backend import CancelToken, Request
from inference.seed import seed_for
from tests.benchmarks.pool_device import TimedBackend

_IDLE_S = 10.0
_LEASE_S = 600


class SerialWorker:
    """One worker: `requests` without a session, as in the example."""

    def __init__(self, url: str, key: str, record: str, folder: Path) -> None:
        self._url = url
        self._headers = {"Authorization": f"Worker {key}"}
        self._id = f"serial-{uuid.uuid4()}"
        self._backend = TimedBackend({"record": record})
        self._folder = folder / self._id
        self._folder.mkdir(parents=True)

    def run(self) -> None:
        """Take a task, work, report, again; after an error as after an empty queue."""
        while True:
            try:
                task = self._call("next-task", worker_id=self._id, lease_duration_seconds=_LEASE_S)
                if task is None:
                    time.sleep(_IDLE_S)
                else:
                    self._process(task)
            except Exception as error:
                print(f"Unexpected error: {error}", flush=True)
                time.sleep(_IDLE_S)

    def _process(self, task: dict[str, Any]) -> None:
        item_id = task["item_id"]
        try:
            video = self._make(task, self._photo(task))
            signed = self._call(
                "presign", operation="upload", video_item_id=item_id, file_extension="mp4"
            )
            headers = {"Content-Type": "video/mp4"}
            requests.put(signed["url"], data=video.read_bytes(), headers=headers, timeout=60)
            path = signed["storage_path"]
            self._report(item_id, status="completed", video_storage_path=path)
        except Exception as error:
            self._report(item_id, status="failed", error_message=str(error))

    def _photo(self, task: dict[str, Any]) -> Path:
        path = task["photo_storage_path"]
        signed = self._call("presign", operation="download", storage_path=path)
        photo = self._folder / "photo"
        photo.write_bytes(requests.get(signed["url"], timeout=60).content)
        return photo

    def _make(self, task: dict[str, Any], photo: Path) -> Path:
        item_id, cancel = task["item_id"], CancelToken()
        request = Request(item_id, photo, task["prompt"], None, None, seed_for(item_id))
        prepared = self._backend.prepare(request)
        clip = self._backend.infer(prepared, _silent, cancel)
        return self._backend.encode(clip, self._folder / "video.mp4", _silent, cancel).path

    def _report(self, item_id: str, **how: str) -> None:
        self._call("report", item_id=item_id, worker_id=self._id, **how)

    def _call(self, verb: str, **body: object) -> Any:
        answer = requests.post(
            f"{self._url}/api/worker/{verb}", json=body, headers=self._headers, timeout=60
        )
        answer.raise_for_status()
        return answer.json()["data"]


def _silent(done: int, total: int) -> None:
    """Nobody listens."""


if __name__ == "__main__":
    SerialWorker(sys.argv[1], os.environ["WORKER_API_KEY"], sys.argv[2], Path(sys.argv[3])).run()
