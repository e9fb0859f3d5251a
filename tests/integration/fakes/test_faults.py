"""Each kind of fault, as a client of the fake server meets it."""

import time

import pytest
import requests

from tests.fakes.bad_server import Fault, FaultPlan
from tests.fakes.bad_server.faults import (
    HOSTILE,
    Canned,
    CutAnswer,
    CutUpload,
    Delay,
    Drip,
    Overlay,
    Reset,
    empty,
    garbage,
    html,
    huge,
    rate_limited,
    redirect,
    refused_with_200,
    wrong_types,
)


def test_a_code_is_answered_for_the_next_k_calls_and_nothing_is_leased(server, caller):
    item = server.add_task(b"photo", "wave")
    server.set_faults(Fault("next-task", Canned(503), times=2))
    assert [caller.next_task().status_code for _ in range(2)] == [503, 503]
    assert server.item(item).status == "pending"
    assert caller.next_task().json()["data"]["item_id"] == item


def test_a_code_after_the_effect_leaves_the_item_leased(server, caller):
    item = server.add_task(b"photo", "wave")
    server.set_faults(Fault("next-task", Canned(504, after_effect=True)))
    assert caller.next_task("w").status_code == 504
    assert server.item(item).worker_id == "w"


def test_429_says_when_to_come_back(server, caller):
    server.set_faults(Fault("next-task", rate_limited(7)))
    answer = caller.next_task()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("canned", [html(), empty(), garbage()])
def test_a_body_that_is_no_json(server, caller, canned):
    server.set_faults(Fault("heartbeat", canned))
    answer = caller.heartbeat("x")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_bodies_that_are_json_but_wrong(server, caller):
    server.set_faults(Fault("*", refused_with_200()), Fault("*", wrong_types()))
    assert caller.next_task().json()["success"] is False
    assert caller.next_task().json()["data"] == [1, {"item_id": 7}]


def test_a_body_of_ten_megabytes(server, caller):
    server.set_faults(Fault("next-task", huge()))
    assert len(caller.next_task().content) > 10_000_000


def test_a_redirect_to_another_place(server, caller):
    server.set_faults(Fault("next-task", redirect("http://elsewhere.invalid/")))
    answer = caller.next_task()
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://elsewhere.invalid/")


@pytest.mark.parametrize(("after", "status"), [(False, "pending"), (True, "processing")])
def test_a_reset_comes_before_the_effect_or_after_it(server, caller, after, status):
    item = server.add_task(b"photo", "wave")
    server.set_faults(Fault("next-task", Reset(after_effect=after)))
    with pytest.raises(requests.ConnectionError, match="reset"):
        caller.next_task()
    server.wait_for(lambda log: any(e.fault == "Reset" for e in log))
    assert server.item(item).status == status


def test_a_timeout_after_the_effect(server, caller):
    item = server.add_task(b"photo", "wave")
    server.set_faults(Fault("next-task", Delay(60, after_effect=True)))
    with pytest.raises(requests.ReadTimeout):
        caller.next_task(timeout_s=0.2)
    assert server.wait_for(lambda log: any(e.fault == "Delay" for e in log))
    entry = server.entries("next-task")[0]
    assert (server.item(item).status, entry.delivered) == ("processing", False)
    assert entry.answered_s - entry.received_s < 5


def test_bytes_drip_one_at_a_time(server, caller):
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    server.set_faults(Fault("heartbeat", Drip(bytes_per_s=200)))
    began = time.monotonic()
    answer = caller.heartbeat(item)
    assert answer.json()["success"]
    assert time.monotonic() - began >= len(answer.content) / 200


def test_the_head_can_drip_too(server, caller):
    server.set_faults(Fault("heartbeat", Drip(bytes_per_s=1000, head_too=True)))
    began = time.monotonic()
    answer = caller.heartbeat("x")
    assert answer.status_code == 404
    assert time.monotonic() - began > len(answer.content) / 1000 + 0.05


def test_a_download_is_cut_half_way(server, caller):
    item = server.item(server.add_task(b"p" * 1000, "wave"))
    url = caller.sign_download(item.photo_path).json()["data"]["url"]
    server.set_faults(Fault("download", CutAnswer(after_bytes=500)))
    with pytest.raises(requests.RequestException):
        caller.session.get(url, timeout=10)
    assert caller.session.get(url, timeout=10).content == b"p" * 1000


def test_an_upload_is_cut_half_way_and_stores_nothing(server, caller):
    signed = caller.sign_upload("an-item").json()["data"]
    server.set_faults(Fault("upload", CutUpload(after_bytes=1000)))
    with pytest.raises(requests.ConnectionError):
        caller.put(signed["url"], b"v" * 5_000_000)
    server.wait_for(lambda log: any(e.fault == "CutUpload" for e in log))
    assert server.objects() == {}
    assert caller.put(signed["url"]).ok


def test_a_stored_upload_whose_answer_is_lost_is_a_duplicate_when_sent_again(server, caller):
    signed = caller.sign_upload("an-item").json()["data"]
    server.set_faults(Fault("upload", Reset(after_effect=True)))
    with pytest.raises(requests.ConnectionError):
        caller.put(signed["url"])
    assert caller.put(signed["url"]).json()["error"] == "Duplicate"


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_hostile_fields_replace_the_true_ones(server, caller, what):
    server.add_task(b"photo", "wave")
    server.set_faults(Fault("next-task", HOSTILE[what]))
    data = caller.next_task().json()["data"]
    assert {key: data[key] for key in HOSTILE[what].fields} == HOSTILE[what].fields


def test_an_overlay_leaves_an_empty_queue_empty(server, caller):
    server.set_faults(Fault("next-task", Overlay({"item_id": "x"})))
    assert caller.next_task().json()["data"] is None


def test_a_fault_can_be_meant_for_one_worker(server, caller):
    server.set_faults(Fault("next-task", Canned(500), times=None, worker="gpu1"))
    assert caller.next_task("p-gpu0-a").status_code == 200
    assert caller.next_task("p-gpu1-a").status_code == 500


def test_the_same_seed_hits_the_same_calls(server, caller):
    plan = FaultPlan((Fault("next-task", Canned(500), times=None, probability=0.5),), seed=7)
    runs = []
    for _ in range(2):
        server.set_plan(plan)
        runs.append([caller.next_task().status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_a_server_that_is_down_refuses_and_comes_back_on_the_same_port(server, caller):
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    server.go_down()
    with pytest.raises(requests.ConnectionError):
        caller.heartbeat(item)
    server.come_up()
    assert caller.heartbeat(item).status_code == 200
