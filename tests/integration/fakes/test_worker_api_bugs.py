"""Each point of the deployed server's list, on and, where it has a switch, off."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.bad_server import BadServer, Bugs, Fault, NewTask, Setup, StorageSettings
from tests.fakes.bad_server.faults import DatabaseError

POLLERS = 8


def poll_all_at_once(server, callers):
    makes = [callers(server.url, server.key) for _ in range(POLLERS)]
    with ThreadPoolExecutor(POLLERS) as threads:
        answers = list(threads.map(lambda n: makes[n].next_task(f"w{n}"), range(POLLERS)))
    return [answer.json()["data"]["item_id"] for answer in answers]


def expire_lease(server, caller, item):
    caller.heartbeat(item, server.item(item).worker_id, extend_s=0.01)
    time.sleep(0.03)


def test_1_pollers_that_meet_are_handed_the_same_item(started, callers):
    meeting = threading.Barrier(POLLERS)
    server = started(Setup(between=lambda _window_s: meeting.wait(10)))
    for _ in range(POLLERS):
        server.add_task(b"photo", "wave")

    items = poll_all_at_once(server, callers)

    assert len(items) - len(set(items)) == POLLERS - 1


def test_1_the_row_belongs_to_the_last_writer(started, callers):
    meeting = threading.Barrier(2)
    server = started(Setup(between=lambda _window_s: meeting.wait(10)))
    item = server.add_task(b"photo", "wave")
    pair = [callers(server.url, server.key) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda n: pair[n].next_task(f"w{n}"), range(2)))

    last = max(server.entries("next-task"), key=lambda entry: entry.effect.at_s).worker_id

    assert server.item(item).worker_id == last
    codes = {n: pair[n].heartbeat(item, f"w{n}").status_code for n in range(2)}
    assert sorted(codes.values()) == [200, 404]


def test_1_off_pollers_that_meet_get_distinct_items(started, callers):
    server = started(Setup(bugs=Bugs(next_task_races=False)))
    for _ in range(POLLERS):
        server.add_task(b"photo", "wave")
    assert len(set(poll_all_at_once(server, callers))) == POLLERS


def test_1_a_window_that_is_wide_enough_needs_no_barrier_to_collide(server, callers):
    for _ in range(POLLERS):
        server.add_task(b"photo", "wave")
    server.set_bugs(Bugs(race_window_s=0.5))
    assert len(set(poll_all_at_once(server, callers))) < POLLERS


@pytest.mark.parametrize(("ignores", "status"), [(True, 200), (False, 404)])
def test_2_an_expired_lease_is_still_good_for_its_last_holder(server, caller, ignores, status):
    server.set_bugs(Bugs(ignores_expiry=ignores))
    item = server.add_task(b"photo", "wave")
    caller.next_task(lease_s=0.01)
    time.sleep(0.03)
    assert caller.heartbeat(item).status_code == status


def test_2_an_id_that_two_processes_share_fences_nothing(server, caller, callers):
    item = server.add_task(b"photo", "wave")
    caller.next_task("shared")
    assert callers(server.url, server.key).heartbeat(item, "shared").status_code == 200


def test_2_another_workers_heartbeat_is_404_and_its_report_403(server, caller):
    item = server.add_task(b"photo", "wave")
    caller.next_task("w")
    assert caller.heartbeat(item, "other").status_code == 404
    assert caller.failed(item, "other").status_code == 403


@pytest.mark.parametrize(("shortens", "longest_s"), [(True, 2), (False, 700)])
def test_3_a_heartbeat_can_shorten_a_lease(server, caller, shortens, longest_s):
    server.set_bugs(Bugs(heartbeat_can_shorten=shortens))
    item = server.add_task(b"photo", "wave")
    caller.next_task(lease_s=600)
    caller.heartbeat(item, extend_s=1)
    left_s = server.item(item).lease_end_s - time.monotonic()
    assert (left_s <= longest_s) and (left_s > 500 or shortens)


def test_3_one_second_gives_the_item_to_the_next_worker(server, caller):
    item = server.add_task(b"photo", "wave")
    caller.next_task("w")
    expire_lease(server, caller, item)
    assert caller.next_task("v").json()["data"]["item_id"] == item


@pytest.mark.parametrize(("masked", "status"), [(True, 404), (False, 500)])
@pytest.mark.parametrize("endpoint", ["heartbeat", "report"])
def test_4_a_database_error_looks_like_a_lost_lease(server, caller, endpoint, masked, status):
    server.set_bugs(Bugs(database_errors_are_404=masked))
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    server.set_faults(Fault(endpoint, DatabaseError()))
    call = caller.heartbeat if endpoint == "heartbeat" else caller.failed
    assert call(item).status_code == status
    assert call(item).status_code == 200


def test_5_failed_after_completed_turns_a_good_item_into_a_failed_one(server, caller):
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    caller.upload(item)
    assert caller.completed(item).status_code == 200
    assert caller.failed(item).status_code == 200
    assert server.item(item).status == "failed"


def test_5_off_a_final_state_stays(server, caller):
    server.set_bugs(Bugs(report_ignores_status=False))
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    caller.upload(item)
    caller.completed(item)
    assert caller.failed(item).status_code == 404
    assert server.item(item).status == "completed"


def test_6_expiry_never_raises_retry_count_and_the_oldest_comes_first_for_ever(server, caller):
    item = server.add_task(b"photo", "wave")
    server.add_task(b"photo", "a younger one")
    for turn in range(5):
        assert caller.next_task(f"w{turn}", lease_s=0.01).json()["data"]["item_id"] == item
        time.sleep(0.03)
    assert server.item(item).retry_count == 0


def test_6_off_an_item_that_expired_three_times_is_failed(server, caller):
    server.set_bugs(Bugs(expiry_is_free=False))
    item = server.add_task(b"photo", "wave")
    for turn in range(3):
        assert caller.next_task(f"w{turn}", lease_s=0.01).json()["data"] is not None
        time.sleep(0.03)
    assert caller.next_task().json()["data"] is None
    assert server.item(item).status == "failed"


@pytest.mark.parametrize("final", [True, False])
def test_6_a_failed_item_is_never_handed_out_again(server, caller, final):
    server.set_bugs(Bugs(failed_is_final=final))
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    caller.failed(item)
    assert server.item(item).retry_count == 1
    assert (caller.next_task().json()["data"] is None) == final


def test_7_a_missing_photo_row_is_500_after_the_lease(server, caller):
    item = server.add_task(b"photo", "wave")
    server.delete_photo_row(item)
    assert caller.next_task("w").status_code == 500
    assert (server.item(item).status, server.item(item).worker_id) == ("processing", "w")


def test_7_off_the_item_without_a_photo_row_is_passed_over(server, caller):
    server.set_bugs(Bugs(leases_before_photo_row=False))
    server.delete_photo_row(server.add_task(b"photo", "wave"))
    good = server.add_task(b"photo", "wave")
    assert caller.next_task().json()["data"]["item_id"] == good


def test_8_signing_an_upload_to_a_path_that_exists_is_a_plain_500(server, caller):
    item = server.add_task(b"photo", "wave")
    server.add_video(item, b"left by a worker that died")
    answer = caller.sign_upload(item)
    assert answer.status_code == 500
    assert "exists" not in answer.text


def test_8_off_the_object_is_overwritten(server, caller):
    server.set_bugs(Bugs(upload_never_overwrites=False))
    item = server.add_task(b"photo", "wave")
    path = server.add_video(item, b"old")
    assert caller.upload(item, b"new").status_code == 200
    assert server.objects()[path].data == b"new"


@pytest.mark.parametrize(("checks", "status"), [(True, 500), (False, 200)])
def test_9_completed_is_500_when_no_object_is_there(server, caller, checks, status):
    server.set_bugs(Bugs(completed_signs_object=checks))
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    assert caller.completed(item).status_code == status


@pytest.mark.parametrize("fiction", [True, False])
def test_10_the_life_of_an_upload_token_is_not_what_the_answer_says(started, callers, fiction):
    settings = StorageSettings(upload_token_life_s=0.01, upload_expires_in_s=600)
    server = started(Setup(bugs=Bugs(upload_expiry_is_fiction=fiction), settings=settings))
    caller = callers(server.url, server.key)
    signed = caller.sign_upload("an-item").json()["data"]
    time.sleep(0.03)
    assert signed["expires_in"] == 600
    assert caller.put(signed["url"]).ok == (not fiction)


def test_a_task_has_the_fields_of_the_contract_and_no_provider(server, caller):
    server.add_task(b"photo", "wave", NewTask(frame_num=121, provider="wan_local"))
    data = caller.next_task().json()["data"]
    assert set(data) == {
        "item_id",
        "group_id",
        "photo_id",
        "prompt",
        "photo_storage_path",
        "leased_until",
        "frame_num",
    }
    assert data["photo_storage_path"] == f"{data['group_id']}/{data['photo_id']}_original.jpg"


def test_a_newer_server_sends_the_provider_and_filters_by_worker_type(started, callers):
    server = started(Setup(bugs=Bugs(sends_inference_provider=True, filters_worker_type=True)))
    server.add_task(b"photo", "wave", NewTask(provider="veo3", worker_type="runway"))
    caller = callers(server.url, server.key)
    assert caller.next_task(worker_type="wan").json()["data"] is None
    task = caller.next_task(worker_type="runway").json()["data"]
    assert task["inference_provider"] == "veo3"


def test_worker_type_is_not_filtered_by_default(server, caller):
    server.add_task(b"photo", "wave", NewTask(worker_type="runway"))
    assert caller.next_task(worker_type="wan").json()["data"] is not None


def test_a_trailing_slash_is_308_and_a_get_405(server, caller):
    slashed = caller.post("next-task/", worker_id="w")
    assert (slashed.status_code, slashed.headers["Location"]) == (308, "/api/worker/next-task")
    got = caller.session.get(f"{server.url}/api/worker/next-task", timeout=10)
    assert got.status_code == 405


def test_a_wrong_key_is_401_and_the_key_can_change_at_run_time(server, caller):
    assert caller.next_task().status_code == 200
    server.set_keys("another")
    assert caller.next_task().status_code == 401
    caller.key = "another"
    assert caller.next_task().status_code == 200


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("next-task", {}),
        ("heartbeat", {"item_id": "x"}),
        ("heartbeat", {"item_id": "x", "worker_id": "w", "extend_seconds": -1}),
        ("report", {"item_id": "x", "worker_id": "w"}),
        ("presign", {"operation": "download"}),
        ("presign", {"operation": "upload"}),
        ("presign", {"operation": "delete"}),
    ],
)
def test_a_bad_request_is_400(caller, name, body):
    assert caller.post(name, **body).status_code == 400


def test_the_second_specs_heartbeat_has_no_data(server, caller):
    server.set_bugs(Bugs(heartbeat_has_data=False))
    item = server.add_task(b"photo", "wave")
    caller.next_task()
    assert caller.heartbeat(item).json() == {"success": True}


def test_a_server_that_breaks_says_so_when_it_is_closed():
    server = BadServer()
    server._site.crashes.append(ValueError("a bug of the fake"))
    with pytest.raises(RuntimeError, match="the fake server broke"):
        server.close()
