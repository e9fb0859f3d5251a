"""The operator's calls over a real socket."""

from uuid import uuid4

import pytest
import requests

from tests.integration.server.conftest import ADMIN_KEY, KEYS, LIMITS, VIDEO, running

NOBODY = "00000000-0000-4000-8000-000000000000"

JPEG = {"Content-Type": "image/jpeg"}


def test_a_photo_is_stored_under_its_group(api):
    group = str(uuid4())
    answer = api.admin(
        "POST",
        "photos",
        params={"group_id": group},
        data=b"\x89PNG",
        headers={"Content-Type": "image/png"},
    )
    assert answer.status_code == 201
    photo = answer.json()["data"]
    assert photo["photo_storage_path"] == f"{group}/{photo['photo_id']}_original.png"
    assert (api.data / "group-photos" / photo["photo_storage_path"]).read_bytes() == b"\x89PNG"


def test_a_photo_can_come_in_a_form(api):
    answer = api.admin("POST", "photos", files={"file": ("me.webp", b"RIFF", "image/webp")})
    path = answer.json()["data"]["photo_storage_path"]
    assert path.endswith("_original.webp")
    assert (api.data / "group-photos" / path).read_bytes() == b"RIFF"


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (415, {"data": b"x", "headers": {"Content-Type": "image/svg+xml"}}),
        (415, {"data": b"x"}),
        (415, {"files": {"file": ("page.html", b"x", "text/html")}}),
        (400, {"data": b"", "headers": JPEG}),
        (400, {"files": {"file": ("me.jpg", b"", "image/jpeg")}}),
        (400, {"files": {"other": ("me.jpg", b"x", "image/jpeg")}}),
        (400, {"files": {"file": (None, b"x", "image/jpeg")}}),
        (400, {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        (
            400,
            {"data": b"x", "headers": JPEG, "params": {"group_id": "x"}},
        ),
        (413, {"data": bytes(LIMITS.photo_bytes + 1), "headers": JPEG}),
        (413, {"files": {"file": ("me.jpg", bytes(LIMITS.photo_bytes), "image/jpeg")}}),
    ],
)
def test_a_photo_that_is_not_taken_is_refused_in_the_envelope(api, status, options):
    before = sorted((api.data / "group-photos").rglob("*.*"))
    answer = api.admin("POST", "photos", **options)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert sorted((api.data / "group-photos").rglob("*.*")) == before
    assert list((api.data / "incoming").iterdir()) == []


def test_a_new_task_is_pending_at_the_end_of_the_queue(any_api):
    first, second = any_api.add_task(), any_api.add_task(frame_num=73)
    task = any_api.task(second)
    assert task["number"] > any_api.task(first)["number"]
    assert task["status"] == "pending"
    assert (task["frame_num"], task["retry_count"], task["prompt"]) == (73, 0, "행복한 가족")
    assert task["created_at"] == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "x" * 10_001},
        {"prompt": "a\0b"},
        {"prompt": None},
        {"frame_num": 0},
        {"frame_num": "121"},
        {"inference_provider": "../x"},
        {"photo_id": "no-uuid"},
    ],
)
def test_a_wrong_task_is_400(api, wrong):
    task = {"photo_id": api.add_photo()["photo_id"], "prompt": "p"} | wrong
    assert api.admin("POST", "tasks", json=task).status_code == 400


def test_a_task_needs_a_stored_photo(any_api):
    answer = any_api.admin("POST", "tasks", json={"photo_id": str(uuid4()), "prompt": ""})
    assert answer.status_code == 404
    assert any_api.admin("GET", "tasks").json()["data"]["tasks"] == []


def test_tasks_are_listed_a_page_at_a_time(any_api):
    items = [any_api.add_task() for _ in range(5)]
    seen, after = [], 0
    while after is not None:
        page = any_api.admin("GET", "tasks", params={"after": after, "limit": 2}).json()["data"]
        seen += [task["item_id"] for task in page["tasks"]]
        after = page["next_after"]
    assert seen == items


def test_tasks_are_listed_by_status_with_who_holds_them(any_api):
    leased, waiting = any_api.add_task(), any_api.add_task()
    any_api.lease("worker-1")
    page = any_api.admin("GET", "tasks", params={"status": "processing"}).json()["data"]
    assert [task["item_id"] for task in page["tasks"]] == [leased]
    assert page["tasks"][0]["worker_id"] == "worker-1"
    assert page["tasks"][0]["leased_until"] == "2027-01-15T08:10:00Z"
    assert page["tasks"][0]["started_at"] == "2027-01-15T08:00:00Z"
    page = any_api.admin("GET", "tasks", params={"status": "pending"}).json()["data"]
    assert [task["item_id"] for task in page["tasks"]] == [waiting]


@pytest.mark.parametrize(
    "wrong", [{"status": "lost"}, {"limit": 0}, {"after": -1}, {"after": 2**63}]
)
def test_a_wrong_listing_is_400(api, wrong):
    assert api.admin("GET", "tasks", params=wrong).status_code == 400


def test_a_failed_task_can_be_retried_as_often_as_a_person_likes(any_api):
    item = any_api.add_task()
    for _ in range(5):
        any_api.lease("a")
        any_api.report(item, "a", "failed")
        assert any_api.task(item)["status"] == "failed"
        retried = any_api.admin("POST", f"tasks/{item}/retry").json()["data"]
        assert (retried["status"], retried["error_message"]) == ("pending", None)
        assert (retried["worker_id"], retried["finished_at"]) == (None, None)
    assert any_api.lease("b")["item_id"] == item


def test_only_a_failed_task_can_be_retried(any_api):
    item = any_api.add_task()
    assert any_api.admin("POST", f"tasks/{item}/retry").status_code == 409
    assert any_api.admin("POST", f"tasks/{uuid4()}/retry").status_code == 404


def test_a_video_can_be_fetched_once_its_task_is_completed(api):
    item = api.add_task()
    api.lease("a")
    api.put_video(item)
    assert api.admin("GET", f"tasks/{item}/video").status_code == 404
    api.report(item, "a", "completed")
    assert api.admin("GET", f"tasks/{item}/video").content == VIDEO


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "photos"),
        ("POST", "tasks"),
        ("GET", "tasks"),
        ("GET", f"tasks/{NOBODY}"),
        ("POST", f"tasks/{NOBODY}/retry"),
        ("GET", f"tasks/{NOBODY}/video"),
    ],
)
@pytest.mark.parametrize(
    "header", [None, f"Admin {KEYS['WORKER_API_KEY']}", f"Worker {KEYS['WORKER_API_KEY']}"]
)
def test_every_call_needs_the_admin_s_key(api, method, path, header):
    headers = {"Content-Type": "image/jpeg"} | ({"Authorization": header} if header else {})
    answer = requests.request(method, f"{api.url}/api/admin/{path}", json={}, headers=headers)
    assert answer.status_code == 401
    assert ADMIN_KEY not in answer.text


def test_health_needs_no_key(any_api):
    answer = requests.get(f"{any_api.url}/healthz")
    assert answer.json() == {"success": True, "data": {"status": "ok"}, "error": None}


def test_the_description_names_every_call_and_works_without_the_internet(api):
    document = requests.get(f"{api.url}/openapi.json").json()
    page = requests.get(f"{api.url}/docs").text
    assert len(document["paths"]) == 11
    for path in document["paths"]:
        assert path in page
    assert "src=" not in page
    assert "http://" not in page.replace(api.url, "")


def test_health_is_503_when_the_database_is_gone(tmp_path, postgres):
    url = postgres.new_database()
    with running(tmp_path, url) as api:
        postgres.drop_database(url)
        answer = requests.get(f"{api.url}/healthz")
    assert answer.status_code == 503
    assert answer.json()["error"] == "the database does not answer"


def test_the_description_promises_only_statuses_that_are_sent(api):
    document = requests.get(f"{api.url}/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "422" not in operation["responses"], path
