"""The Worker API's contract over a real socket, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from tests.integration.server.conftest import KEYS, WORKER_KEY


def test_an_empty_queue_answers_null(any_api):
    answer = any_api.worker("next-task", worker_id="a")
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "data": None, "error": None}


def test_a_leased_task_carries_everything_a_worker_needs(any_api):
    photo = any_api.add_photo()
    task = {"photo_id": photo["photo_id"], "prompt": "행복한 가족", "frame_num": 121}
    created = any_api.admin("POST", "tasks", json=task | {"inference_provider": "wan_local"})
    leased = any_api.lease("a", worker_type="wan", lease_duration_seconds=600)
    assert leased == {
        "item_id": created.json()["data"]["item_id"],
        "group_id": photo["group_id"],
        "photo_id": photo["photo_id"],
        "prompt": "행복한 가족",
        "photo_storage_path": f"{photo['group_id']}/{photo['photo_id']}_original.jpg",
        "leased_until": "2027-01-15T08:10:00Z",
        "frame_num": 121,
        "inference_provider": "wan_local",
    }


def test_sixteen_workers_asking_at_once_for_eight_tasks_get_eight_distinct_leases(any_api):
    items = {any_api.add_task() for _ in range(8)}
    start = Barrier(16)

    def ask(number: int) -> str | None:
        start.wait()
        task = any_api.lease(f"worker-{number}")
        return task and task["item_id"]

    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(ask, range(16)))
    assert sorted(item for item in given if item) == sorted(items)


def test_sixteen_workers_asking_at_once_for_a_lapsed_task_get_one_lease(any_api):
    any_api.add_task()
    any_api.lease("gone")
    any_api.clock.now += 601
    start = Barrier(16)

    def ask(number: int) -> object:
        start.wait()
        return any_api.lease(f"worker-{number}")

    with ThreadPoolExecutor(16) as pool:
        assert sum(task is not None for task in pool.map(ask, range(16))) == 1


def test_the_oldest_task_comes_first_and_a_lapsed_one_keeps_its_place(any_api):
    first, second = any_api.add_task(), any_api.add_task()
    assert any_api.lease("a")["item_id"] == first
    any_api.clock.now += 600
    assert any_api.lease("b")["item_id"] == first
    assert any_api.lease("c")["item_id"] == second


def test_a_lease_that_has_not_lapsed_is_not_handed_out(any_api):
    any_api.add_task()
    any_api.lease("a", lease_duration_seconds=600)
    any_api.clock.now += 599.9
    assert any_api.lease("b") is None


@pytest.mark.parametrize(
    ("provider", "worker_type"),
    [
        (None, "wan"),
        ("wan_local", "wan"),
        ("gen4_turbo", "runway"),
        ("runway_gen4_turbo", "runway"),
        ("veo3.1", "runway"),
    ],
)
def test_each_kind_of_worker_gets_only_its_own_tasks(any_api, provider, worker_type):
    item = any_api.add_task(inference_provider=provider)
    other = "runway" if worker_type == "wan" else "wan"
    assert any_api.lease("a", worker_type=other) is None
    assert any_api.lease("a", worker_type=worker_type)["item_id"] == item


def test_a_worker_that_names_no_kind_is_a_wan_worker(api):
    api.add_task(inference_provider="gen4_turbo")
    item = api.add_task()
    assert api.lease("a")["item_id"] == item


def test_a_heartbeat_renews_the_lease(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.clock.now += 500
    answer = any_api.worker("heartbeat", item_id=item, worker_id="a", extend_seconds=300)
    assert answer.json()["data"] == {"leased_until": "2027-01-15T08:13:20Z"}
    any_api.clock.now += 299
    assert any_api.lease("b") is None


def test_a_heartbeat_never_shortens_a_lease(api):
    item = api.add_task()
    until = api.lease("a", lease_duration_seconds=600)["leased_until"]
    answer = api.worker("heartbeat", item_id=item, worker_id="a", extend_seconds=30)
    assert answer.json()["data"]["leased_until"] == until


def test_an_extension_of_one_second_gives_the_task_back(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.worker("heartbeat", item_id=item, worker_id="a", extend_seconds=1)
    any_api.clock.now += 1
    assert any_api.lease("b")["item_id"] == item
    assert any_api.task(item)["lapses"] == 0


def test_a_lapsed_lease_is_its_holders_until_somebody_takes_the_task(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.clock.now += 10_000
    assert any_api.worker("heartbeat", item_id=item, worker_id="a").status_code == 200
    any_api.clock.now += 10_000
    assert any_api.lease("b")["item_id"] == item
    assert any_api.worker("heartbeat", item_id=item, worker_id="a").status_code == 404
    assert any_api.report(item, "a", "failed").status_code == 403


@pytest.mark.parametrize("item_id", ["no-uuid", "11111111-2222-3333-4444-555555555555", "../x"])
def test_a_heartbeat_for_an_unknown_task_is_404(any_api, item_id):
    answer = any_api.worker("heartbeat", item_id=item_id, worker_id="a")
    assert answer.status_code == 404
    assert answer.json()["success"] is False


def test_a_heartbeat_for_a_task_in_nobodys_work_is_404(api):
    item = api.add_task()
    assert api.worker("heartbeat", item_id=item, worker_id="a").status_code == 404


def test_a_task_is_completed_by_upload_and_report(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.put_video(item)
    answer = any_api.report(item, "a", "completed")
    assert answer.json()["data"] == {"message": "Task completed", "item_id": item}
    task = any_api.task(item)
    assert (task["status"], task["worker_id"], task["leased_until"]) == ("completed", "a", None)
    assert task["video_storage_path"] == f"generated-videos/{item}.mp4"


def test_the_provider_s_own_ids_are_kept(any_api):
    item = any_api.add_task(inference_provider="gen4_turbo")
    any_api.lease("a", worker_type="runway")
    any_api.put_video(item)
    any_api.worker(
        "report",
        item_id=item,
        worker_id="a",
        status="completed",
        video_storage_path=f"generated-videos/{item}.mp4",
        veo_operation_id="operation-1",
        runway_task_id="runway-1",
    )
    task = any_api.task(item)
    assert (task["veo_operation_id"], task["runway_task_id"]) == ("operation-1", "runway-1")


def test_completed_without_a_stored_video_is_400_and_changes_nothing(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    answer = any_api.report(item, "a", "completed")
    assert answer.status_code == 400
    assert "no video is stored" in answer.json()["error"]
    assert any_api.task(item)["status"] == "processing"


def test_completed_with_another_path_than_the_signed_one_is_400(api):
    item, other = api.add_task(), api.add_task()
    api.lease("a")
    api.put_video(item)
    path = f"generated-videos/{other}.mp4"
    answer = api.worker(
        "report", item_id=item, worker_id="a", status="completed", video_storage_path=path
    )
    assert answer.status_code == 400


def test_failed_counts_as_a_retry_and_is_final(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    answer = any_api.report(item, "a", "failed")
    assert answer.json()["data"] == {"message": "Task failed", "item_id": item}
    task = any_api.task(item)
    assert (task["status"], task["retry_count"]) == ("failed", 1)
    assert task["error_message"] == "the photo could not be read"
    assert any_api.lease("b") is None


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_repeated_report_is_answered_the_same_and_changes_nothing(any_api, outcome):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.put_video(item)
    first = any_api.report(item, "a", outcome)
    before = any_api.task(item)
    any_api.clock.now += 60
    again = any_api.report(item, "a", outcome)
    assert (again.status_code, again.json()) == (200, first.json())
    assert any_api.task(item) == before


def test_failed_after_completed_is_refused(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.put_video(item)
    any_api.report(item, "a", "completed")
    assert any_api.report(item, "a", "failed").status_code == 404
    assert any_api.task(item)["status"] == "completed"


def test_a_report_by_another_worker_is_403(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    assert any_api.report(item, "b", "failed").status_code == 403
    assert any_api.task(item)["status"] == "processing"


def test_a_report_about_a_task_in_nobodys_work_is_404(any_api):
    item = any_api.add_task()
    assert any_api.report(item, "a", "failed").status_code == 404
    assert any_api.report("no-such-task", "a", "completed").status_code == 404


def test_an_error_message_is_kept_short_and_storable(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    message = "\0" + "x" * 100_000
    any_api.worker("report", item_id=item, worker_id="a", status="failed", error_message=message)
    kept = any_api.task(item)["error_message"]
    assert len(kept) == 4000
    assert "\0" not in kept


def test_a_task_whose_workers_keep_vanishing_fails_by_itself_and_lets_the_next_one_pass(any_api):
    poison, healthy = any_api.add_task(), any_api.add_task()
    for number in range(10):
        assert any_api.lease(f"victim-{number}")["item_id"] == poison
        any_api.clock.now += 601
    assert any_api.lease("survivor")["item_id"] == healthy
    task = any_api.task(poison)
    assert (task["status"], task["lapses"]) == ("failed", 10)
    assert "10 workers in a row vanished" in task["error_message"]


def test_an_upload_is_not_signed_when_the_video_is_stored_already(any_api):
    item = any_api.add_task()
    any_api.lease("a")
    any_api.put_video(item)
    answer = any_api.worker("presign", operation="upload", video_item_id=item)
    assert answer.status_code == 409
    assert answer.json() == {
        "success": False,
        "data": None,
        "error": "The resource already exists",
    }


def test_the_next_holder_may_report_what_a_dead_one_uploaded(any_api):
    item = any_api.add_task()
    any_api.lease("dead")
    any_api.put_video(item)
    any_api.clock.now += 601
    any_api.lease("next")
    assert any_api.report(item, "next", "completed").status_code == 200


def test_an_upload_is_signed_for_a_task_in_work(api):
    item = api.add_task()
    refused = api.worker("presign", operation="upload", video_item_id=item)
    assert refused.status_code == 404
    api.lease("a")
    answer = api.worker(
        "presign", operation="upload", video_item_id=item, file_extension="mp4"
    ).json()["data"]
    assert answer["url"].startswith(f"{api.url}/storage/generated-videos/{item}.mp4?")
    assert (answer["expires_in"], answer["storage_path"]) == (3600, f"generated-videos/{item}.mp4")


def test_a_download_is_signed_for_a_photo_and_for_nothing_else(api):
    photo = api.add_photo()
    answer = api.worker(
        "presign", operation="download", storage_path=photo["photo_storage_path"]
    ).json()["data"]
    assert requests.get(answer["url"]).content == b"a photo"
    for path in ("../keys.json", "keys.json", "/etc/passwd", photo["photo_storage_path"] + "x"):
        refused = api.worker("presign", operation="download", storage_path=path)
        assert refused.status_code == 404


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("next-task", {}),
        ("next-task", {"worker_id": ""}),
        ("next-task", {"worker_id": None}),
        ("next-task", {"worker_id": "a\0b"}),
        ("next-task", {"worker_id": "\ud800"}),
        ("next-task", {"worker_id": "a", "lease_duration_seconds": 0}),
        ("next-task", {"worker_id": "a", "lease_duration_seconds": 10**12}),
        ("next-task", {"worker_id": "a", "lease_duration_seconds": True}),
        ("next-task", {"worker_id": "a", "worker_type": "abacus"}),
        ("heartbeat", {"worker_id": "a"}),
        ("heartbeat", {"item_id": "x", "worker_id": "a", "extend_seconds": -1}),
        ("presign", {"operation": "delete"}),
        ("presign", {"operation": "upload", "video_item_id": "x", "file_extension": "exe"}),
        ("report", {"item_id": "x", "worker_id": "a", "status": "lost"}),
        ("report", {"item_id": "x", "worker_id": "a", "status": "completed"}),
    ],
)
def test_a_wrong_request_is_400_in_the_envelope(api, call, body):
    answer = api.worker(call, **body)
    assert answer.status_code == 400
    assert (answer.json()["success"], answer.json()["data"]) == (False, None)
    assert answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_a_body_that_is_no_json_object_is_400_in_the_envelope(api, body):
    headers = {"Authorization": f"Worker {WORKER_KEY}", "Content-Type": "application/json"}
    answer = requests.post(f"{api.url}/api/worker/next-task", data=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["success"] is False


def test_a_body_beyond_a_mebibyte_is_413_in_the_envelope(api):
    answer = api.worker("next-task", worker_id="a" * 1024 * 1024)
    assert answer.status_code == 413
    assert answer.json()["success"] is False


@pytest.mark.parametrize("call", ["next-task", "presign", "heartbeat", "report"])
@pytest.mark.parametrize(
    "header",
    [None, "", "Worker", "Worker wrong", f"Bearer {WORKER_KEY}", f"Worker {KEYS['ADMIN_API_KEY']}"],
)
def test_a_wrong_key_is_401_in_the_envelope(api, call, header):
    headers = {} if header is None else {"Authorization": header}
    answer = requests.post(f"{api.url}/api/worker/{call}", json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["success"] is False


def test_unknown_paths_and_wrong_methods_answer_in_the_envelope(api):
    assert requests.get(f"{api.url}/api/worker/next-task").status_code == 405
    for path in ("/api/worker/other", "/api/worker/next-task/", "/"):
        answer = requests.post(f"{api.url}{path}", allow_redirects=False)
        assert answer.status_code == 404
        assert answer.json()["success"] is False
