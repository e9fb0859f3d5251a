"""Every fault of the storage, over real sockets."""

import errno
import json
import random
import socket

import pytest

from client import connection, errors
from client.storage import Storage
from client.worker_api import WorkerApi
from tests.fakes.scripted_http import Reply, ScriptedHttp

PHOTO = random.Random(7).randbytes(300_000)


class Progress:
    """Remembers each call."""

    def __init__(self):
        self.calls = []

    def __call__(self, done, total):
        self.calls.append((done, total))


@pytest.fixture
def storage(session):
    return Storage(session, api_on_loopback=True, idle_timeout_s=10.0)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "in" / "photo.jpg"


@pytest.fixture
def video(tmp_path, target):
    target.parent.mkdir()
    path = tmp_path / "video.mp4"
    path.write_bytes(PHOTO)
    return path


def masked(status_code, error, message=""):
    body = {"statusCode": str(status_code), "error": error, "message": message}
    return Reply(400, json.dumps(body).encode(), (("Content-Type", "application/json"),))


def fetch(storage, server, target, *, max_bytes=10**6, progress=None, stop=lambda: False):
    target.parent.mkdir(exist_ok=True)
    return storage.fetch(
        f"{server.url}/o/p.jpg?token=canary",
        target,
        max_bytes=max_bytes,
        progress=progress or Progress(),
        stop=stop,
    )


def store(storage, server, video, *, progress=None, stop=lambda: False):
    url = f"{server.url}/o/v.mp4?token=canary"
    storage.store(url, video, progress=progress or Progress(), stop=stop)


def test_a_photo_is_fetched_whole(storage, target):
    progress = Progress()
    with ScriptedHttp(Reply(200, PHOTO, (("Content-Type", "image/jpeg"),))) as server:
        assert fetch(storage, server, target, progress=progress) == len(PHOTO)
    assert target.read_bytes() == PHOTO
    assert progress.calls[-1] == (len(PHOTO), len(PHOTO))
    assert [done for done, _ in progress.calls] == sorted({done for done, _ in progress.calls})
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/o/p.jpg?token=canary")


def test_a_photo_of_unknown_size_is_fetched_too(storage, target):
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    progress = Progress()
    with ScriptedHttp(Reply(raw=chunked), Reply(raw=b"HTTP/1.0 200 OK\r\n\r\nabcde")) as server:
        for _ in range(2):
            assert fetch(storage, server, target, progress=progress) == 5
            assert target.read_bytes() == b"abcde"
    assert progress.calls[-1] == (5, 0)


def test_an_empty_photo_is_a_photo(storage, target):
    with ScriptedHttp(Reply(200, b"")) as server:
        assert fetch(storage, server, target) == 0
    assert target.read_bytes() == b""


def test_neither_transfer_carries_the_workers_key(session, storage, target, video):
    with ScriptedHttp(Reply(200, b'{"success": true}'), Reply(200, b"x"), Reply(200)) as server:
        WorkerApi(server.url, "wk-canary", "wan", 5.0, session).renew("i", "w", 300)
        fetch(storage, server, target)
        store(storage, server, video)
    assert "authorization" in server.seen[0].headers
    for seen in server.seen[1:]:
        assert "canary" not in json.dumps(seen.headers)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, PHOTO[:100_000], declared_bytes=len(PHOTO)),
        Reply(200, PHOTO[:100_000], declared_bytes=len(PHOTO), end="reset"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        Reply(200, b"<html>sign in</html>", (("Content-Type", "text/html; charset=utf-8"),)),
        Reply(200, b"packed", (("Content-Encoding", "gzip"),)),
        Reply(raw=b"", end="reset"),
        Reply(503, b"busy"),
        Reply(206, b"half"),
        masked(429, "SlowDown"),
        masked(500, "Internal"),
    ],
    ids=lambda reply: repr(reply.wire_bytes()[:60]),
)
def test_a_broken_download_is_transient_and_leaves_nothing(storage, target, reply):
    with ScriptedHttp(reply) as server, pytest.raises(errors.Transient):
        fetch(storage, server, target)
    assert list(target.parent.iterdir()) == []


def test_a_broken_download_leaves_the_former_file(storage, target):
    target.parent.mkdir()
    target.write_bytes(b"former")
    with (
        ScriptedHttp(Reply(200, b"x", declared_bytes=9)) as server,
        pytest.raises(errors.Transient),
    ):
        fetch(storage, server, target)
    assert target.read_bytes() == b"former"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (masked(404, "not_found", "Object not found"), errors.ObjectMissing),
        (Reply(404), errors.ObjectMissing),
        (masked(400, "InvalidJWT", '"exp" claim timestamp check failed'), errors.UrlExpired),
        (Reply(403, b"<Error><Code>AccessDenied</Code></Error>"), errors.StorageRefused),
        (Reply(403, b"<Error><Message>Request has expired</Message></Error>"), errors.UrlExpired),
        (Reply(404, b"x" * 1_000_000), errors.ObjectMissing),
        (Reply(404, b"x", declared_bytes=900, end="reset"), errors.ObjectMissing),
        (Reply(302, b"", (("Location", "https://elsewhere.example/?t=canary"),)), errors.UnsafeUrl),
    ],
)
def test_a_refused_download_is_one_error(storage, target, reply, error):
    with ScriptedHttp(reply) as server, pytest.raises(errors.ClientError) as raised:
        fetch(storage, server, target)
    assert type(raised.value) is error
    assert "canary" not in str(raised.value)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"x", declared_bytes=500_000_000, end="hang"),
        Reply(raw=b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 2000, end="hang"),
    ],
    ids=["announced", "unannounced"],
)
def test_a_download_over_the_cap_ends_at_once(storage, target, reply):
    with ScriptedHttp(reply) as server, pytest.raises(errors.ObjectTooLarge):
        fetch(storage, server, target, max_bytes=1000)
    assert list(target.parent.iterdir()) == []


def test_a_download_may_be_as_large_as_the_cap(storage, target):
    with ScriptedHttp(Reply(200, b"x" * 1000)) as server:
        assert fetch(storage, server, target, max_bytes=1000) == 1000


def test_a_download_stops_when_asked(storage, target):
    progress = Progress()
    with ScriptedHttp(Reply(200, PHOTO)) as server, pytest.raises(errors.TransferStopped):
        fetch(storage, server, target, progress=progress, stop=lambda: bool(progress.calls))
    assert len(progress.calls) == 1
    assert list(target.parent.iterdir()) == []


def test_nothing_is_sent_once_stop_is_said(storage, target, video):
    with (
        ScriptedHttp() as server,
        pytest.raises(errors.TransferStopped),
    ):
        fetch(storage, server, target, stop=lambda: True)
        with pytest.raises(errors.TransferStopped):
            store(storage, server, video, stop=lambda: True)
    assert server.connections == 0


def test_a_local_trouble_is_not_taken_for_the_storages(storage, target, video):
    def full(_done, _total):
        raise OSError(errno.ENOSPC, "No space left on device")

    def gone(_done, _total):
        raise BrokenPipeError(errno.EPIPE, "the supervisor is gone")

    with (
        ScriptedHttp(Reply(200, PHOTO), Reply(200)) as server,
        pytest.raises(OSError, match="No space left"),
    ):
        fetch(storage, server, target, progress=full)
        with pytest.raises(BrokenPipeError, match="the supervisor is gone"):
            store(storage, server, video, progress=gone)
    assert list(target.parent.iterdir()) == []


def test_a_target_folder_that_is_missing_is_a_local_trouble(storage, tmp_path):
    with ScriptedHttp(Reply(200, PHOTO)) as server, pytest.raises(FileNotFoundError):
        storage.fetch(
            server.url,
            tmp_path / "none" / "p.jpg",
            max_bytes=10**6,
            progress=Progress(),
            stop=lambda: False,
        )


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_video_is_stored_whole_with_its_length(storage, video, status):
    progress = Progress()
    with ScriptedHttp(Reply(status)) as server:
        store(storage, server, video, progress=progress)
    seen = server.seen[0]
    assert (seen.method, seen.path) == ("PUT", "/o/v.mp4?token=canary")
    assert seen.body == PHOTO
    assert seen.headers["content-type"] == "video/mp4"
    assert seen.headers["content-length"] == str(len(PHOTO))
    assert "transfer-encoding" not in seen.headers
    assert progress.calls[-1] == (len(PHOTO), len(PHOTO))


def test_an_accepted_video_is_stored_even_if_the_rest_of_the_answer_is_lost(storage, video):
    with ScriptedHttp(Reply(200, b"{", declared_bytes=900, end="reset")) as server:
        store(storage, server, video)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (masked(409, "Duplicate", "The resource already exists"), errors.AlreadyStored),
        (Reply(409), errors.AlreadyStored),
        (masked(413, "Payload too large"), errors.ObjectTooLarge),
        (Reply(413, reads=0), errors.ObjectTooLarge),
        (masked(415, "InvalidMimeType"), errors.StorageRefused),
        (masked(400, "ExpiredToken"), errors.UrlExpired),
        (Reply(403), errors.StorageRefused),
        (Reply(429, headers=(("Retry-After", "3"),)), errors.Transient),
        (Reply(503), errors.Transient),
        (Reply(200, b"<html>", (("Content-Type", "text/html"),)), errors.Transient),
    ],
)
def test_a_refused_upload_is_one_error(storage, tmp_path, reply, error):
    # Small enough for the kernel's buffers: whether a large one meets a reset is a matter of luck.
    video = tmp_path / "v.mp4"
    video.write_bytes(b"v" * 1000)
    with ScriptedHttp(reply) as server, pytest.raises(errors.ClientError) as raised:
        store(storage, server, video)
    assert type(raised.value) is error


def test_an_upload_whose_answer_is_lost_may_be_done(storage, video):
    with (
        ScriptedHttp(Reply(raw=b"", end="reset")) as server,
        pytest.raises(errors.Transient) as raised,
    ):
        store(storage, server, video)
    assert raised.value.maybe_done


def test_a_reset_half_way_up_is_transient(storage, tmp_path):
    video = tmp_path / "v.mp4"
    video.write_bytes(b"v" * 20_000_000)
    with (
        ScriptedHttp(Reply(raw=b"", reads=100_000, end="reset")) as server,
        pytest.raises(errors.Transient),
    ):
        store(storage, server, video)


def test_an_upload_stops_when_asked(storage, video):
    progress = Progress()
    with ScriptedHttp(Reply(200)) as server, pytest.raises(errors.TransferStopped):
        store(storage, server, video, progress=progress, stop=lambda: bool(progress.calls))
    assert len(progress.calls) == 1


def test_an_empty_video_is_never_sent(storage, tmp_path):
    (tmp_path / "v.mp4").touch()
    with ScriptedHttp() as server, pytest.raises(ValueError, match="empty"):
        store(storage, server, tmp_path / "v.mp4")
    assert server.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_a_url_into_our_own_network_is_refused_before_a_byte_is_sent(session, tmp_path, host):
    outside = Storage(session, api_on_loopback=False)
    with ScriptedHttp(Reply(200, PHOTO)) as server, pytest.raises(errors.UnsafeUrl):
        outside.fetch(
            f"https://{host}:{server.port}/p?token=canary",
            tmp_path / "p",
            max_bytes=10**6,
            progress=Progress(),
            stop=lambda: False,
        )
    assert server.connections == 0


def test_the_address_that_was_judged_is_the_one_connected_to(storage, target, monkeypatch):
    """A name may have another address a moment later; it is looked up once."""
    looked_up = []
    real = socket.getaddrinfo

    def counting(host, *args, **options):
        looked_up.append(host)
        return real(host, *args, **options)

    monkeypatch.setattr(connection.socket, "getaddrinfo", counting)
    with ScriptedHttp(Reply(200, b"x")) as server:
        fetch(storage, server, target)
    assert looked_up == ["localhost"]
