"""Presigned GET and PUT over a real socket."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.server.conftest import LIMITS, VIDEO, Api

TYPE = {"Content-Type": "video/mp4"}


@pytest.fixture
def item(api) -> str:
    """A task in work, so that an upload can be signed for it."""
    item = api.add_task()
    api.lease("a")
    return item


def stored(api: Api, item: str) -> bool:
    return (api.data / "generated-videos" / f"{item}.mp4").exists()


def half_received(api: Api) -> list[str]:
    return [path.name for path in (api.data / "incoming").iterdir()]


def assert_refused(answer: requests.Response, status: int, error: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["statusCode"], body["error"]) == (status, str(status), error)
    assert body["message"]


def test_a_video_goes_in_whole_and_comes_back_the_same(api, item):
    assert requests.put(api.upload_url(item), data=VIDEO, headers=TYPE).status_code == 200
    api.report(item, "a", "completed")
    fetched = api.admin("GET", f"tasks/{item}/video")
    assert (fetched.content, fetched.headers["content-type"]) == (VIDEO, "video/mp4")
    assert half_received(api) == []


def test_a_body_of_unknown_length_is_taken(api, item):
    chunks = (VIDEO[start : start + 100] for start in range(0, len(VIDEO), 100))
    assert requests.put(api.upload_url(item), data=chunks, headers=TYPE).status_code == 200
    assert stored(api, item)


def test_a_photo_can_be_fetched_in_parts(api):
    path = api.add_photo()["photo_storage_path"]
    answer = api.worker("presign", operation="download", storage_path=path)
    part = requests.get(answer.json()["data"]["url"], headers={"Range": "bytes=2-6"})
    assert (part.status_code, part.content) == (206, b"photo")


def test_a_signed_url_works_until_it_expires(api, item):
    url = api.upload_url(item)
    api.clock.now += 3600
    assert_refused(requests.put(url, data=VIDEO, headers=TYPE), 403, "ExpiredToken")
    api.clock.now -= 1
    assert requests.put(url, data=VIDEO, headers=TYPE).status_code == 200


def test_a_changed_url_is_refused(api, item):
    other = api.add_task()
    url = api.upload_url(item)
    head, _, signature = url.rpartition("=")
    expires = str(int(api.clock.now) + 3600)
    for changed in (
        url.replace(item, other),
        url.replace(expires, str(int(expires) + 1)),
        url.replace(expires, f"+{expires}"),
        url.replace("generated-videos", "group-photos"),
        f"{head}={signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{head}=",
        f"{head}={'é' * 64}",
        url.partition("?")[0],
    ):
        assert_refused(requests.put(changed, data=VIDEO, headers=TYPE), 403, "InvalidSignature")
    assert not stored(api, item)
    assert not stored(api, other)


def test_a_url_signed_for_one_method_does_not_allow_another(api, item):
    url = api.upload_url(item)
    assert_refused(requests.get(url), 403, "InvalidSignature")
    assert_refused(requests.delete(url), 405, "MethodNotAllowed")
    path = api.add_photo()["photo_storage_path"]
    answer = api.worker("presign", operation="download", storage_path=path)
    photo_url = answer.json()["data"]["url"]
    assert_refused(requests.put(photo_url, data=VIDEO, headers=TYPE), 403, "InvalidSignature")


@pytest.mark.parametrize(
    "name",
    [
        "../keys.json",
        "..%2fkeys.json",
        "%2e%2e/keys.json",
        "/etc/passwd",
        "x/../../keys.json",
        "a.mp4",
        "",
    ],
)
def test_even_a_signed_path_cannot_leave_its_folder(api, name):
    # No client can have this signed; it is signed here with the server's own key.
    decoded = requests.utils.unquote(name)
    target = f"/storage/generated-videos/{name}"
    for method in ("GET", "PUT"):
        signed = api.service.signer.url(
            method, f"/storage/generated-videos/{decoded}", api.clock.now
        )
        query = urlsplit(signed).query
        answer = send_raw(api, f"{method} {target}?{query} HTTP/1.1", b"")
        assert b" 404 " in answer.splitlines()[0]


def test_an_upload_of_another_type_is_415(api, item):
    for kind in ("text/html", "video/webm", ""):
        answer = requests.put(api.upload_url(item), data=VIDEO, headers={"Content-Type": kind})
        assert_refused(answer, 415, "InvalidMimeType")
    assert not stored(api, item)


def test_an_upload_beyond_the_limit_is_413_and_leaves_nothing(api, item):
    body = bytes(LIMITS.video_bytes + 1)
    answer = requests.put(api.upload_url(item), data=body, headers=TYPE)
    assert_refused(answer, 413, "EntityTooLarge")
    answer = requests.put(api.upload_url(item), data=iter([body]), headers=TYPE)
    assert_refused(answer, 413, "EntityTooLarge")
    assert (stored(api, item), half_received(api)) == (False, [])


def test_an_upload_of_exactly_the_limit_is_taken(api, item):
    answer = requests.put(api.upload_url(item), data=bytes(LIMITS.video_bytes), headers=TYPE)
    assert answer.status_code == 200


def test_an_empty_upload_is_400_and_leaves_nothing(api, item):
    answer = requests.put(api.upload_url(item), data=b"", headers=TYPE)
    assert_refused(answer, 400, "InvalidRequest")
    assert (stored(api, item), half_received(api)) == (False, [])


def test_a_second_upload_is_409_and_the_first_one_stays(api, item):
    url = api.upload_url(item)
    requests.put(url, data=VIDEO, headers=TYPE)
    again = requests.put(url, data=bytes(LIMITS.video_bytes), headers=TYPE)
    assert_refused(again, 409, "Duplicate")
    assert again.json()["message"] == "The resource already exists"
    assert (api.data / "generated-videos" / f"{item}.mp4").read_bytes() == VIDEO
    assert half_received(api) == []


def test_of_eight_uploads_at_once_one_is_kept_whole(api, item):
    url = api.upload_url(item)
    start = Barrier(8)

    def put(number: int) -> tuple[int, bytes]:
        body = bytes([number]) * 100_000
        start.wait()
        return requests.put(url, data=body, headers=TYPE).status_code, body

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(put, range(8)))
    kept = [body for status, body in answers if status == 200]
    assert [status for status, _ in answers].count(409) == 7
    assert kept == [(api.data / "generated-videos" / f"{item}.mp4").read_bytes()]


def test_a_video_is_invisible_until_it_is_whole(api, item):
    url = api.upload_url(item)
    with upload_begun(api, url, declared=len(VIDEO)) as connection:
        connection.sendall(VIDEO[:-1])
        wait_until(lambda: half_received(api))
        assert api.report(item, "a", "completed").status_code == 400
        connection.sendall(VIDEO[-1:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert api.report(item, "a", "completed").status_code == 200


def test_an_upload_that_breaks_off_leaves_nothing(api, item):
    url = api.upload_url(item)
    with upload_begun(api, url, declared=len(VIDEO)) as connection:
        connection.sendall(VIDEO[:-1])
        wait_until(lambda: half_received(api))
    wait_until(lambda: not half_received(api))
    assert not stored(api, item)
    assert requests.put(url, data=VIDEO, headers=TYPE).status_code == 200


def upload_begun(api: Api, url: str, declared: int) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.sendall(
        f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: video/mp4\r\nContent-Length: {declared}\r\n\r\n".encode()
    )
    return connection


def send_raw(api: Api, request_line: str, body: bytes) -> bytes:
    """Send a path as it is: `requests` would tidy it up."""
    parts = urlsplit(api.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"{request_line}\r\nHost: x\r\nConnection: close\r\nContent-Type: video/mp4\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return connection.makefile("rb").read()


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.01)
