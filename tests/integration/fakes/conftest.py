from collections.abc import Callable, Iterator

import pytest
import requests

from tests.fakes.bad_server import BadServer, Setup


class Caller:
    """A worker as far as the wire is concerned; every call returns the bare response."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.session = requests.Session()
        self.session.trust_env = False

    def post(self, name: str, timeout_s: float = 10.0, **body) -> requests.Response:
        return self.session.post(
            f"{self.url}/api/worker/{name}",
            json=body,
            headers={"Authorization": f"Worker {self.key}"},
            timeout=timeout_s,
            allow_redirects=False,
        )

    def next_task(self, worker: str = "w", lease_s: float = 600, **more) -> requests.Response:
        return self.post("next-task", worker_id=worker, lease_duration_seconds=lease_s, **more)

    def heartbeat(self, item: str, worker: str = "w", extend_s: float = 300) -> requests.Response:
        return self.post("heartbeat", item_id=item, worker_id=worker, extend_seconds=extend_s)

    def completed(self, item: str, worker: str = "w") -> requests.Response:
        path = f"videos/{item}.mp4"
        return self.post(
            "report", item_id=item, worker_id=worker, status="completed", video_storage_path=path
        )

    def failed(self, item: str, worker: str = "w", why: str = "No photo.") -> requests.Response:
        return self.post(
            "report", item_id=item, worker_id=worker, status="failed", error_message=why
        )

    def sign_upload(self, item: str) -> requests.Response:
        return self.post("presign", operation="upload", video_item_id=item, file_extension="mp4")

    def sign_download(self, path: str) -> requests.Response:
        return self.post("presign", operation="download", storage_path=path)

    def put(self, url: str, data: bytes = b"video", kind: str = "video/mp4") -> requests.Response:
        return self.session.put(url, data=data, headers={"Content-Type": kind}, timeout=10)

    def upload(self, item: str, data: bytes = b"video") -> requests.Response:
        return self.put(self.sign_upload(item).json()["data"]["url"], data)


@pytest.fixture
def server() -> Iterator[BadServer]:
    with BadServer() as running:
        yield running


@pytest.fixture
def started() -> Iterator[Callable[[Setup], BadServer]]:
    running: list[BadServer] = []

    def start(setup: Setup) -> BadServer:
        running.append(BadServer(setup))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def callers() -> Iterator[Callable[..., Caller]]:
    made: list[Caller] = []

    def make(url: str, key: str) -> Caller:
        made.append(Caller(url, key))
        return made[-1]

    yield make
    for caller in made:
        caller.session.close()


@pytest.fixture
def caller(server, callers) -> Caller:
    return callers(server.url, server.key)
