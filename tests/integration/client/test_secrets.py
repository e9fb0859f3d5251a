"""A canary in the key and in a URL's token is nowhere to be seen afterwards."""

import logging
import socket
import traceback

import pytest

from client import errors
from client.storage import Storage
from client.worker_api import WorkerApi
from tests.fakes.scripted_http import Reply, ScriptedHttp

KEY = "wk-canary-0001"
QUERY = "token=canary-0002"

FAULTS = [
    Reply(raw=b""),
    Reply(raw=b"", end="reset"),
    Reply(raw=b"garbage\r\n\r\n"),
    Reply(200, b"x", declared_bytes=99),
    Reply(raw=b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 9\r\n\r\n"),
    Reply(400, b'{"statusCode": "400", "error": "InvalidJWT", "message": "token=canary-0002"}'),
    Reply(302, b"", (("Location", f"https://elsewhere.example/?{QUERY}"),)),
    Reply(raw=b"", drip_from=0, end="hang"),
]


@pytest.fixture
def everything_logged(caplog):
    with caplog.at_level(logging.DEBUG):
        yield caplog


ECHO = Reply(401, b'{"success": false, "error": "wrong key wk-canary-0001"}')


def shown(error, log):
    return "".join(traceback.format_exception(error)) + log.text + repr(error)


@pytest.mark.parametrize("fault", [*FAULTS, ECHO], ids=lambda r: repr(r.wire_bytes()[:30]))
def test_a_failed_call_shows_no_secret(session, fault, everything_logged):
    with ScriptedHttp(fault) as server, pytest.raises(errors.ClientError) as raised:
        WorkerApi(server.url, KEY, "wan", 0.4, session).next_task("w", 600)
    assert "canary" not in shown(raised.value, everything_logged)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda reply: repr(reply.wire_bytes()[:30]))
@pytest.mark.parametrize("way", ["down", "up"])
def test_a_failed_transfer_shows_no_secret(session, tmp_path, fault, everything_logged, way):
    (tmp_path / "v").write_bytes(b"v" * 1000)
    storage = Storage(session, api_on_loopback=True, idle_timeout_s=0.4)
    hooks = {"progress": lambda *_: None, "stop": lambda: False}
    with ScriptedHttp(fault) as server:
        url = f"{server.url}/o?{QUERY}"
        try:
            if way == "down":
                storage.fetch(url, tmp_path / "p", max_bytes=1000, **hooks)
            else:
                storage.store(url, tmp_path / "v", **hooks)
        except errors.ClientError as error:
            assert "canary" not in shown(error, everything_logged)


def test_a_refused_connection_shows_no_secret(session, tmp_path, everything_logged):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        url = f"http://localhost:{bound.getsockname()[1]}/o?{QUERY}"
    hooks = {"progress": lambda *_: None, "stop": lambda: False}
    with pytest.raises(errors.Transient) as raised:
        Storage(session, api_on_loopback=True).fetch(url, tmp_path / "p", max_bytes=9, **hooks)
    assert "canary" not in shown(raised.value, everything_logged)


def test_a_call_that_ends_well_shows_no_secret(session, tmp_path, everything_logged):
    hooks = {"progress": lambda *_: None, "stop": lambda: False}
    with ScriptedHttp(Reply(200, b'{"success": true}'), Reply(200, b"x")) as server:
        worker = WorkerApi(server.url, KEY, "wan", 5.0, session)
        worker.renew("i", "w", 300)
        url = f"{server.url}/o?{QUERY}"
        Storage(session, api_on_loopback=True).fetch(url, tmp_path / "p", max_bytes=9, **hooks)
    assert "canary" not in everything_logged.text + repr(worker) + repr(vars(session))
