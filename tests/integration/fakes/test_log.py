"""The log of requests, on disk and in memory, and the server in a process of its own."""

import socket
import time

import pytest
import requests

from tests.fakes.bad_server import Bugs, Fault, NewTask, Setup, launched, read_log
from tests.fakes.bad_server.faults import Canned


def test_the_log_on_disk_is_the_log_in_memory(started, callers, tmp_path):
    server = started(Setup(log=tmp_path / "log.jsonl"))
    caller = callers(server.url, server.key)
    item = server.add_task(b"photo", "wave")
    caller.next_task("w", lease_s=60)
    caller.heartbeat(item, "w")
    caller.upload(item)
    caller.completed(item, "w")
    server.wait_for(lambda log: any(e.endpoint == "report" for e in log))
    assert read_log(tmp_path / "log.jsonl") == server.entries()


def test_a_lease_is_logged_with_its_previous_holder_and_its_end(server, caller):
    item = server.add_task(b"photo", "wave")
    server.take_away(item, by="v", lease_s=-1)
    caller.next_task("w", lease_s=60)
    entry = server.entries("next-task")[0]
    effect = entry.effect
    assert (effect.item_id, effect.worker_id, effect.previous_worker) == (item, "w", "v")
    assert effect.lease_end_s == pytest.approx(effect.at_s + 60, abs=1)
    assert entry.received_s <= effect.at_s <= entry.answered_s <= time.monotonic()


def test_an_upload_is_logged_with_the_presign_that_it_came_from(server, caller):
    caller.upload("an-item", b"video")
    signed, put = server.entries("presign-upload")[0], server.entries("upload")[0]
    assert put.signed_by == signed.seq
    assert (put.item_id, put.effect.size_bytes, len(put.effect.sha256)) == ("an-item", 5, 64)


def test_a_presigned_photo_is_logged_under_its_item(server, caller):
    item = server.item(server.add_task(b"photo", "wave"))
    url = caller.sign_download(item.photo_path).json()["data"]["url"]
    caller.session.get(url, timeout=10)
    assert server.entries("presign-download")[0].item_id == item.item_id
    assert server.entries("download")[0].item_id == item.item_id


def test_a_request_that_takes_long_to_arrive_is_logged_from_its_first_byte(server):
    request = b"POST /api/worker/heartbeat HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request[:1])
        sent_s = time.monotonic()
        time.sleep(0.5)
        connection.sendall(request[1:])
        assert connection.recv(100).startswith(b"HTTP/1.1 401")
    assert server.entries("heartbeat")[0].received_s < sent_s + 0.4


def test_calls_on_one_connection_share_its_number(server, caller, callers):
    caller.next_task()
    caller.sign_upload("x")
    callers(server.url, server.key).next_task()
    numbers = [entry.connection for entry in server.entries()]
    assert numbers[0] == numbers[1] != numbers[2]


def test_no_secret_is_logged_and_a_leaked_one_is_named_by_its_place(started, callers, tmp_path):
    server = started(Setup(log=tmp_path / "log.jsonl"))
    caller = callers(server.url, server.key)
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    url = caller.sign_upload(item).json()["data"]["url"]
    caller.session.put(
        url, b"v", headers={"Content-Type": "video/mp4", "Authorization": "Worker k"}, timeout=10
    )
    caller.failed(item, why=f"refused with key {server.key} at {url}")

    log = (tmp_path / "log.jsonl").read_text()

    assert not [secret for secret in server.secrets() if secret in log]
    assert server.entries("upload")[0].leaks == ("an Authorization header sent to the storage",)
    assert server.entries("report")[0].leaks == ("a secret in the field error_message",) * 2


def test_a_server_in_a_process_of_its_own_obeys_the_test(tmp_path, callers):
    with launched(tmp_path) as remote:
        caller = callers(remote.url, remote.key)
        item = remote.admin.add_task(b"photo", "wave", NewTask(frame_num=73))
        assert caller.next_task().json()["data"]["frame_num"] == 73
        caller.upload(item)
        remote.admin.set_bugs(Bugs(heartbeat_has_data=False))
        assert "data" not in caller.heartbeat(item).json()
        remote.admin.set_faults(Fault("heartbeat", Canned(500)))
        assert caller.heartbeat(item).status_code == 500
        assert remote.admin.items()[0].worker_id == "w"
        assert remote.admin.objects()[f"videos/{item}.mp4"].data == b"video"
        remote.admin.go_down()
        with pytest.raises(requests.ConnectionError):
            caller.heartbeat(item)
        entries = remote.admin.entries()
    assert read_log(tmp_path / "requests.jsonl") == entries
