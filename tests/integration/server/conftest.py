import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import uvicorn
from sqlalchemy import URL, delete

from server.app import create_app
from server.main import address_of, listen
from server.service import Service, open_service
from server.settings import Limits, Settings
from server.tables import ITEMS, PHOTOS
from tests.fakes.postgres import TemporaryPostgres

WORKER_KEY = "worker-key-for-tests"
ADMIN_KEY = "admin-key-for-tests"
KEYS = {"WORKER_API_KEY": WORKER_KEY, "ADMIN_API_KEY": ADMIN_KEY}
LIMITS = Limits(video_bytes=256 * 1024, photo_bytes=64 * 1024)
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(1000)


class SettableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Api:
    """A server on a real socket, spoken to in the contract's words."""

    url: str
    data: Path
    clock: SettableClock
    service: Service

    def worker(self, call: str, **body: object) -> requests.Response:
        headers = {"Authorization": f"Worker {WORKER_KEY}"}
        return requests.post(f"{self.url}/api/worker/{call}", json=body, headers=headers)

    def admin(self, method: str, path: str, **options: object) -> requests.Response:
        headers = {"Authorization": f"Admin {ADMIN_KEY}", **options.pop("headers", {})}
        return requests.request(method, f"{self.url}/api/admin/{path}", headers=headers, **options)

    def add_photo(self) -> dict:
        answer = self.admin(
            "POST", "photos", data=b"a photo", headers={"Content-Type": "image/jpeg"}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    def add_task(self, **fields: object) -> str:
        task = {"photo_id": self.add_photo()["photo_id"], "prompt": "행복한 가족", **fields}
        answer = self.admin("POST", "tasks", json=task)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["item_id"]

    def task(self, item_id: str) -> dict:
        return self.admin("GET", f"tasks/{item_id}").json()["data"]

    def lease(self, worker_id: str = "a", **fields: object) -> dict | None:
        answer = self.worker("next-task", worker_id=worker_id, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def upload_url(self, item_id: str) -> str:
        answer = self.worker("presign", operation="upload", video_item_id=item_id)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["url"]

    def put_video(self, item_id: str) -> None:
        url = self.upload_url(item_id)
        answer = requests.put(url, data=VIDEO, headers={"Content-Type": "video/mp4"})
        assert answer.status_code == 200, answer.text

    def report(self, item_id: str, worker_id: str, status: str) -> requests.Response:
        about = (
            {"video_storage_path": f"generated-videos/{item_id}.mp4"}
            if status == "completed"
            else {"error_message": "the photo could not be read"}
        )
        return self.worker("report", item_id=item_id, worker_id=worker_id, status=status, **about)


@contextmanager
def running(data: Path, database: URL) -> Iterator[Api]:
    clock = SettableClock()
    with listen("127.0.0.1", 0) as listener:
        url = address_of(listener)
        settings = Settings(data, database, "127.0.0.1", 0, None, LIMITS)
        with open_service(settings, url, KEYS, clock) as service:
            config = uvicorn.Config(create_app(service, LIMITS), log_config=None)
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            try:
                yield Api(url, data, clock, service)
            finally:
                server.should_exit = True
                thread.join()


@pytest.fixture(scope="session")
def postgres() -> Iterator[TemporaryPostgres]:
    with TemporaryPostgres() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def sqlite_server(tmp_path_factory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("sqlite-server")
    with running(folder, URL.create("sqlite", database=str(folder / "tasks.sqlite3"))) as api:
        yield api


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory, postgres) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("postgres-server"), postgres.new_database()) as api:
        yield api


@pytest.fixture
def api(sqlite_server) -> Api:
    """A server on SQLite, its queue empty and its clock at the start."""
    return _emptied(sqlite_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_api(request) -> Api:
    """The same on each of the two databases in turn."""
    name = "sqlite_server" if request.param == "sqlite" else "postgres_server"
    return _emptied(request.getfixturevalue(name))


def _emptied(api: Api) -> Api:
    # One server for all tests: to start and stop one takes longer than most tests.
    with api.service.queue._engine.begin() as connection:
        connection.execute(delete(ITEMS))
        connection.execute(delete(PHOTOS))
    api.clock.now = SettableClock().now
    return api
