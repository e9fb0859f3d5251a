import pytest

from client import errors
from client.storage import Storage
from client.worker_api import WorkerApi
from tests.fakes.scripted_http import Reply, ScriptedHttp

EMPTY = Reply(200, b'{"success": true, "data": null}')


def test_a_trusted_certificate_is_accepted(session, server_tls, certificate):
    session.verify = str(certificate)
    with ScriptedHttp(EMPTY, tls=server_tls) as server:
        assert WorkerApi(server.url, "wk", "wan", 10.0, session).next_task("w", 600) is None


def test_a_certificate_that_nobody_vouches_for_is_refused(session, server_tls):
    with (
        ScriptedHttp(EMPTY, tls=server_tls) as server,
        pytest.raises(errors.Transient, match="certificate is not trusted") as raised,
    ):
        WorkerApi(server.url, "wk", "wan", 10.0, session).next_task("w", 600)
    assert server.seen == []
    assert not raised.value.maybe_done


def test_a_certificate_for_another_host_is_refused(session, server_tls, certificate):
    session.verify = str(certificate)
    with (
        ScriptedHttp(EMPTY, tls=server_tls) as server,
        pytest.raises(errors.Transient, match="certificate is not trusted"),
    ):
        url = f"https://127.0.0.1:{server.port}"
        WorkerApi(url, "wk", "wan", 10.0, session).next_task("w", 600)


def test_a_server_that_speaks_no_tls_is_transient(session):
    with ScriptedHttp(EMPTY) as server:
        url = server.url.replace("http://", "https://")
        with pytest.raises(errors.Transient) as raised:
            WorkerApi(url, "wk", "wan", 0.5, session).next_task("w", 600)
    assert not raised.value.maybe_done


def test_a_video_goes_up_and_comes_down_through_tls(session, server_tls, certificate, tmp_path):
    session.verify = str(certificate)
    video = tmp_path / "v.mp4"
    video.write_bytes(bytes(range(256)) * 20_000)
    storage = Storage(session, api_on_loopback=True)
    hooks = {"progress": lambda *_: None, "stop": lambda: False}
    with ScriptedHttp(Reply(200), Reply(200, video.read_bytes()), tls=server_tls) as server:
        storage.store(server.url, video, **hooks)
        storage.fetch(server.url, tmp_path / "copy", max_bytes=10**8, **hooks)
    assert server.seen[0].body == video.read_bytes()
    assert (tmp_path / "copy").read_bytes() == video.read_bytes()
