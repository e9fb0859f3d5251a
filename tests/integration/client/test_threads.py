import threading

from client.storage import Storage
from client.worker_api import WorkerApi
from tests.fakes.scripted_http import Reply, ScriptedHttp


def test_a_heartbeat_gets_through_beside_a_stalled_upload(session, tmp_path):
    video = tmp_path / "v.mp4"
    video.write_bytes(b"v" * 20_000_000)
    moving, over = threading.Event(), threading.Event()

    def upload(url):
        storage = Storage(session, api_on_loopback=True)
        try:
            storage.store(url, video, progress=lambda *_: moving.set(), stop=over.is_set)
        except Exception as error:
            ends.append(type(error).__name__)

    ends = []
    beats = [Reply(200, b'{"success": true}')] * 3
    with (
        ScriptedHttp(Reply(raw=b"", reads=0, end="hang")) as deaf,
        ScriptedHttp(*beats) as server,
    ):
        thread = threading.Thread(target=upload, args=(deaf.url,))
        thread.start()
        moving.wait()
        worker = WorkerApi(server.url, "wk", "wan", 10.0, session)
        for _ in beats:
            worker.renew("i", "w", 300)
        over.set()
        thread.join()
    assert len(server.seen) == 3
    assert ends == ["TransferStopped"]
