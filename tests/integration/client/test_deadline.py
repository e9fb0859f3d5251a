"""The total deadline: no server, however slow or silent, holds a call longer than it was given."""

import ipaddress
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from client import errors
from client.attempt import Attempt
from client.connection import looked_up
from client.storage import Storage
from client.worker_api import WorkerApi
from tests.fakes.scripted_http import Reply, ScriptedHttp

LIMIT_S = 0.4
GRACE_S = 5.0  # for a busy machine; each of these servers would take minutes
SLOW = Reply(200, b'{"success": true, "data": null}' + b" " * 5000)


@contextmanager
def over_in_time():
    began = time.monotonic()
    yield
    took_s = time.monotonic() - began
    assert LIMIT_S * 0.5 <= took_s < LIMIT_S + GRACE_S


def drip(reply, drip_from):
    return Reply(reply.status, reply.body, drip_from=drip_from, drip_s=0.05)


def ask(server, session):
    WorkerApi(server.url, "wk", "wan", LIMIT_S, session).next_task("w", 600)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"", end="hang"),
        drip(SLOW, 0),
        drip(SLOW, 20),
        drip(SLOW, 80),
        Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, drip_from=0),
    ],
    ids=["silent", "status line", "headers", "body", "continue for ever"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_slow_answer_is_cut_at_the_deadline(session, server_tls, certificate, reply, tls):
    session.verify = str(certificate)
    with (
        ScriptedHttp(reply, tls=server_tls if tls else None) as server,
        over_in_time(),
        pytest.raises(errors.Transient, match="no answer in time") as raised,
    ):
        ask(server, session)
    assert raised.value.maybe_done


def test_a_server_that_never_shakes_hands_is_cut_at_the_deadline(session):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}"
        with over_in_time(), pytest.raises(errors.Transient) as raised:
            WorkerApi(url, "wk", "wan", LIMIT_S, session).next_task("w", 600)
    assert not raised.value.maybe_done


def attempt(*, stop=lambda: False):
    return Attempt("heartbeat at h", total_s=LIMIT_S, idle_s=60.0, admits=lambda _: True, stop=stop)


def test_a_look_up_that_hangs_is_left_behind_at_the_deadline():
    released = threading.Event()

    def hangs(_host, _port):
        released.wait()
        return [ipaddress.ip_address("127.0.0.1")]

    try:
        with over_in_time(), pytest.raises(TimeoutError):
            looked_up("h", 443, attempt(), hangs)
    finally:
        released.set()


def test_a_look_up_that_hangs_can_be_stopped():
    released = threading.Event()
    try:
        with pytest.raises(errors.TransferStopped):
            looked_up("h", 443, attempt(stop=lambda: True), lambda *_: released.wait() and [])
    finally:
        released.set()


def storage(session, *, idle_timeout_s=60.0, total_timeout_s=60.0):
    return Storage(
        session,
        api_on_loopback=True,
        idle_timeout_s=idle_timeout_s,
        total_timeout_s=total_timeout_s,
    )


def fetch(made, server, target, stop=lambda: False):
    made.fetch(f"{server.url}/p", target, max_bytes=10**6, progress=lambda *_: None, stop=stop)


@pytest.mark.parametrize("limits", [{"total_timeout_s": LIMIT_S}, {"idle_timeout_s": LIMIT_S}])
def test_a_download_that_stands_still_is_given_up(session, tmp_path, limits):
    stalled = Reply(200, b"x" * 100, declared_bytes=500, end="hang")
    with ScriptedHttp(stalled) as server, over_in_time(), pytest.raises(errors.Transient):
        fetch(storage(session, **limits), server, tmp_path / "p")


def test_a_download_that_moves_is_not_silent(session, tmp_path):
    slow = Reply(200, b"x" * 30, drip_from=len(Reply(200, b"x" * 30).wire_bytes()) - 30)
    with ScriptedHttp(slow) as server:
        fetch(storage(session, idle_timeout_s=1.2), server, tmp_path / "p")
    assert (tmp_path / "p").stat().st_size == 30


@pytest.mark.parametrize("limits", [{"total_timeout_s": LIMIT_S}, {"idle_timeout_s": LIMIT_S}])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_upload_that_nobody_reads_is_given_up(
    session, tmp_path, server_tls, certificate, limits, tls
):
    session.verify = str(certificate)
    video = tmp_path / "v.mp4"
    video.write_bytes(b"v" * 20_000_000)
    deaf = Reply(raw=b"", reads=0, end="hang")
    with (
        ScriptedHttp(deaf, tls=server_tls if tls else None) as server,
        over_in_time(),
        pytest.raises(errors.Transient) as raised,
    ):
        storage(session, **limits).store(
            f"{server.url}/v", video, progress=lambda *_: None, stop=lambda: False
        )
    assert not raised.value.maybe_done


def stopper(after_s):
    until = time.monotonic() + after_s
    return lambda: time.monotonic() > until


def test_a_download_that_stands_still_can_be_stopped(session, tmp_path):
    stalled = Reply(200, b"x" * 100, declared_bytes=500, end="hang")
    with ScriptedHttp(stalled) as server, over_in_time(), pytest.raises(errors.TransferStopped):
        fetch(storage(session), server, tmp_path / "p", stopper(LIMIT_S))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_nobody_reads_can_be_stopped(session, tmp_path):
    video = tmp_path / "v.mp4"
    video.write_bytes(b"v" * 20_000_000)
    with (
        ScriptedHttp(Reply(raw=b"", reads=0, end="hang")) as server,
        over_in_time(),
        pytest.raises(errors.TransferStopped),
    ):
        storage(session).store(
            f"{server.url}/v", video, progress=lambda *_: None, stop=stopper(LIMIT_S)
        )
