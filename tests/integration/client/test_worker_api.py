"""Every fault of the Worker API, over real sockets."""

import errno
import json
import socket
from datetime import UTC, datetime

import pytest

from client import connection, errors
from client.worker_api import WorkerApi
from tests.fakes.scripted_http import Reply, ScriptedHttp

KEY = "wk-canary-0001"
TASK = {
    "item_id": "item-1",
    "prompt": "a calm sea",
    "photo_storage_path": "g/p.jpg",
    "leased_until": "2026-01-03T10:00:00Z",
}


def said(data=None, *, status=200, success=True, error=None, headers=()):
    body = json.dumps({"success": success, "data": data, "error": error}).encode()
    return Reply(status, body, (("Content-Type", "application/json"), *headers))


def api(server, session, timeout_s=10.0):
    return WorkerApi(server.url, KEY, "wan", timeout_s, session)


def outcome(session, reply, timeout_s=10.0):
    """What `next_task` raises when the server answers so."""
    with ScriptedHttp(reply) as server, pytest.raises(errors.ClientError) as raised:
        api(server, session, timeout_s).next_task("w", 600)
    return raised.value


def test_next_task_asks_as_the_contract_says(session):
    with ScriptedHttp(said(TASK)) as server:
        task = api(server, session).next_task("w-gpu0-x", 600)
    asked = server.seen[0]
    assert (task.item_id, task.fault) == ("item-1", None)
    assert (asked.method, asked.path) == ("POST", "/api/worker/next-task")
    assert asked.headers["authorization"] == f"Worker {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {
        "worker_id": "w-gpu0-x",
        "lease_duration_seconds": 600,
        "worker_type": "wan",
    }


def test_an_empty_queue_is_none(session):
    with ScriptedHttp(said(None)) as server:
        assert api(server, session).next_task("w", 600) is None


def test_a_renewal_may_answer_without_data(session):
    until = {"leased_until": "2026-01-03T10:00:00Z"}
    with ScriptedHttp(said(until), Reply(200, b'{"success": true}')) as server:
        worker = api(server, session)
        assert worker.renew("item-1", "w", 300) == datetime(2026, 1, 3, 10, tzinfo=UTC)
        assert worker.renew("item-1", "w", 300) is None
    assert server.seen[0].path == "/api/worker/heartbeat"
    assert json.loads(server.seen[0].body)["extend_seconds"] == 300


def test_urls_are_signed_for_both_ways(session):
    down = said({"url": "https://s.example/a", "expires_in": 600})
    up = said({"url": "https://s.example/b", "storage_path": "videos/item-1.mp4"})
    with ScriptedHttp(down, up) as server:
        worker = api(server, session)
        assert worker.sign_download("g/p.jpg").url == "https://s.example/a"
        assert worker.sign_upload("item-1").storage_path == "videos/item-1.mp4"
    assert [asked.path for asked in server.seen] == ["/api/worker/presign"] * 2


def test_a_report_is_sent_as_the_contract_says(session):
    with ScriptedHttp(said({}), said({})) as server:
        worker = api(server, session)
        worker.report_completed("item-1", "w", "videos/item-1.mp4", "rw-1")
        worker.report_failed(
            "item-1", "w", f"no photo at https://s.example/a?token=t0k {KEY} {'x' * 900}"
        )
    completed, failed = (json.loads(asked.body) for asked in server.seen)
    assert completed == {
        "item_id": "item-1",
        "worker_id": "w",
        "status": "completed",
        "video_storage_path": "videos/item-1.mp4",
        "runway_task_id": "rw-1",
    }
    assert failed["error_message"].startswith("no photo at https://s.example/a [hidden] xxx")
    assert len(failed["error_message"]) == 500


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Rejected),
        (401, errors.Unauthorized),
        (403, errors.NotYours),
        (404, errors.NoSuchLease),
        (405, errors.Rejected),
        (429, errors.Transient),
        (500, errors.Transient),
        (502, errors.Transient),
        (503, errors.Transient),
        (504, errors.Transient),
    ],
)
def test_a_refusal_is_one_error(session, status, error):
    with (
        ScriptedHttp(said(status=status, success=False, error="no")) as server,
        pytest.raises(errors.ClientError) as raised,
    ):
        api(server, session).renew("item-1", "w", 300)
    assert type(raised.value) is error
    assert str(raised.value) == f"heartbeat at localhost:{server.port}: HTTP {status}: no"


def test_retry_after_is_passed_on(session):
    error = outcome(session, said(status=429, success=False, headers=(("Retry-After", "7"),)))
    assert (error.retry_after_s, error.maybe_done) == (7.0, False)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b""),
        Reply(200, b"garbage"),
        Reply(200, b"<html>sign in</html>", (("Content-Type", "text/html"),)),
        said(TASK, success=False),
        said(7),
        said(TASK | {"item_id": None}),
        Reply(200, b"x" * 10_000_000),
        Reply(200, b'{"success": true', declared_bytes=500),
        Reply(200, b'{"success": true', declared_bytes=500, end="reset"),
        Reply(raw=b""),
        Reply(raw=b"", end="reset"),
        Reply(raw=b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5, 7\r\n\r\nhello"),
        Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
    ],
    ids=lambda reply: repr(reply.wire_bytes()[:40]),
)
def test_an_unreadable_answer_is_transient_and_may_be_done(session, reply):
    error = outcome(session, reply)
    assert type(error) is errors.Transient
    assert error.maybe_done


def test_a_prompt_of_a_megabyte_comes_through_as_a_fault(session):
    with ScriptedHttp(said(TASK | {"prompt": "길" * 350_000})) as server:
        task = api(server, session).next_task("w", 600)
    assert task.prompt == ""
    assert task.fault == "The prompt has 350000 characters; 20000 are accepted."


def test_a_refused_connection_is_transient_and_not_done(session):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    worker = WorkerApi(f"http://localhost:{port}", KEY, "wan", 5.0, session)
    with pytest.raises(errors.Transient, match="the connection was refused") as raised:
        worker.next_task("w", 600)
    assert not raised.value.maybe_done


def test_a_reset_while_connecting_is_transient_and_not_done(session, monkeypatch):
    def reset(*_args):
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    monkeypatch.setattr(connection, "connected", reset)  # no kernel can be asked for this one
    worker = WorkerApi("http://localhost:9", KEY, "wan", 5.0, session)
    with pytest.raises(errors.Transient, match="the connection broke") as raised:
        worker.next_task("w", 600)
    assert not raised.value.maybe_done


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".invalid"])
def test_a_name_that_leads_nowhere_is_one_error_of_ours(session, host):
    worker = WorkerApi(f"https://{host}", KEY, "wan", 5.0, session)
    with pytest.raises((errors.Transient, errors.UnsafeUrl)) as raised:
        worker.next_task("w", 600)
    assert not getattr(raised.value, "maybe_done", False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("same_host", [True, False])
def test_a_redirect_is_not_followed(session, status, same_host):
    with ScriptedHttp(said(None)) as other, ScriptedHttp() as server:
        target = f"{server.url}/api/worker/next-task/" if same_host else other.url
        server.then(Reply(status, b"x" * 100, (("Location", target),)))
        with pytest.raises(errors.UnsafeUrl, match="redirects to localhost"):
            api(server, session).next_task("w", 600)
    assert (server.connections, other.connections) == (1, 0)


def test_cookies_are_not_kept_and_connections_are_not_reused(session):
    cookie = (("Set-Cookie", "session=1; Path=/"), ("Connection", "keep-alive"))
    with ScriptedHttp(said(None, headers=cookie), said(None)) as server:
        worker = api(server, session)
        worker.next_task("w", 600)
        worker.next_task("w", 600)
    assert server.connections == 2
    assert "cookie" not in server.seen[1].headers


def test_netrc_and_proxies_of_the_environment_are_not_used(session, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine localhost login me password other\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with ScriptedHttp(said(None)) as server:
        api(server, session).next_task("w", 600)
    assert server.seen[0].headers["authorization"] == f"Worker {KEY}"


@pytest.mark.parametrize(
    ("url", "inward"),
    [("http://localhost:9", True), ("https://127.0.0.1/api", True), ("https://a.example", False)],
)
def test_an_api_knows_whether_it_is_on_this_machine(session, url, inward):
    assert WorkerApi(url, KEY, "wan", 5.0, session).on_loopback is inward


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "열쇠"])
def test_a_key_that_no_header_can_hold_is_refused_without_repeating_it(session, key):
    with pytest.raises(ValueError, match="key") as refused:
        WorkerApi("http://localhost:9", key, "wan", 5.0, session)
    assert not key or key not in str(refused.value)
