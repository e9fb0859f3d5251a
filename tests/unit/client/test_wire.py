import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import wire

SOUND = {
    "item_id": "5c1d8b0e-0000-4000-8000-000000000001",
    "group_id": "g",
    "photo_id": "p",
    "prompt": "a calm sea",
    "photo_storage_path": "g/p_original.jpg",
    "leased_until": "2026-01-03T10:00:00.000Z",
    "frame_num": 73,
    "inference_provider": "wan_local",
}


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=3,
)


def task_with(**changes):
    return wire.task(SOUND | changes)


def test_a_sound_task_has_no_fault():
    task = wire.task(SOUND)
    assert task == wire.Task(
        item_id=SOUND["item_id"],
        group_id="g",
        photo_id="p",
        prompt="a calm sea",
        photo_storage_path="g/p_original.jpg",
        leased_until=datetime(2026, 1, 3, 10, tzinfo=UTC),
        frame_num=73,
        inference_provider="wan_local",
        fault=None,
    )


@given(st.sampled_from(sorted(SOUND)), ANY_JSON)
def test_no_field_whatever_it_holds_makes_a_task_with_an_id_fail(field, value):
    task = wire.task(SOUND | {field: value, "item_id": "i"})
    assert task.item_id == "i"
    assert task.fault is None or "\n" not in task.fault
    assert task.fault is not None or task.photo_storage_path


def test_no_data_is_no_task():
    assert wire.task(None) is None


def test_the_oldest_server_sends_six_fields():
    task = wire.task(
        {k: v for k, v in SOUND.items() if k not in {"frame_num", "inference_provider"}}
    )
    assert (task.frame_num, task.inference_provider, task.fault) == (None, None, None)


def test_unknown_fields_are_ignored():
    assert task_with(retry_count=1, nested={"a": [1]}).fault is None


@pytest.mark.parametrize("data", [[], "x", 1, True, {}])
def test_data_that_is_no_task_is_unreadable(data):
    with pytest.raises(wire.Unreadable):
        wire.task(data)


@pytest.mark.parametrize("item_id", [None, "", 7, ["x"], "x" * 201, "a\nb", "a\x00", "\ud800"])
def test_a_task_without_a_usable_id_is_unreadable(item_id):
    with pytest.raises(wire.Unreadable, match="item_id"):
        task_with(item_id=item_id)


@pytest.mark.parametrize("item_id", ["../../etc/passwd", "not a uuid", "아이템-1", "x" * 200])
def test_an_id_may_be_any_printable_text(item_id):
    assert task_with(item_id=item_id).item_id == item_id


@pytest.mark.parametrize(
    ("sent", "read"), [(None, None), (1, 1), (121, 121), ("121", 121), (100_000, 100_000)]
)
def test_a_frame_number_in_range_is_taken(sent, read):
    task = task_with(frame_num=sent)
    assert (task.frame_num, task.fault) == (read, None)


@pytest.mark.parametrize(
    "sent", [0, -3, 100_001, 10**9, "10000000", "-3", "", "١٢١", 12.5, 121.0, True, [121], {}]
)
def test_any_other_frame_number_is_the_tasks_own_fault(sent):
    task = task_with(frame_num=sent)
    assert task.frame_num is None
    assert task.fault.startswith("frame_num is not")


@pytest.mark.parametrize("prompt", [7, ["a"], {"a": 1}, False, "x" * 20_001, "half \ud83d a pair"])
def test_a_hostile_prompt_is_the_tasks_own_fault(prompt):
    task = task_with(prompt=prompt)
    assert task.prompt == ""
    assert task.fault.startswith("The prompt")


@pytest.mark.parametrize("prompt", ["--seed 1", "'; DROP TABLE", "줄\n바꿈", "x" * 20_000, ""])
def test_any_other_prompt_is_data(prompt):
    task = task_with(prompt=prompt)
    assert (task.prompt, task.fault) == (prompt, None)


def test_a_null_prompt_is_an_empty_one():
    assert (task_with(prompt=None).prompt, task_with(prompt=None).fault) == ("", None)


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        7,
        [],
        "/etc/passwd",
        "../x.jpg",
        "a/../b.jpg",
        "a/..",
        "a\x00b",
        "a\nb",
        "x" * 1025,
    ],
)
def test_a_hostile_path_is_the_tasks_own_fault(path):
    task = task_with(photo_storage_path=path)
    assert task.photo_storage_path == ""
    assert task.fault.endswith(".")


@pytest.mark.parametrize("path", ["g/p_original.jpg", "g/my..photo.jpg", "그룹/사진 1.png"])
def test_an_ordinary_path_is_taken(path):
    assert task_with(photo_storage_path=path).photo_storage_path == path


def test_a_missing_path_is_the_tasks_own_fault():
    assert wire.task({"item_id": "i"}).fault == "The task names no photo."


@pytest.mark.parametrize("provider", [7, None, [], "", "x" * 101, "a\nb"])
def test_a_provider_that_is_no_name_counts_as_absent(provider):
    task = task_with(inference_provider=provider)
    assert (task.inference_provider, task.fault) == (None, None)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-01-03T10:00:00Z", datetime(2026, 1, 3, 10, tzinfo=UTC)),
        ("2026-01-03T10:00:00.123", datetime(2026, 1, 3, 10, 0, 0, 123_000, tzinfo=UTC)),
        (
            "2026-01-03T10:00:00+09:00",
            datetime(2026, 1, 3, 10, tzinfo=timezone(timedelta(hours=9))),
        ),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (1_767_434_400, None),
        (None, None),
    ],
)
def test_an_instant_is_read_or_absent(sent, read):
    assert wire.instant(sent) == read


@pytest.mark.parametrize("data", [None, [], "x", {}, {"leased_until": 5}])
def test_a_heartbeats_answer_may_say_nothing(data):
    assert wire.renewed_until(data) is None


def test_signed_urls_are_read():
    download = wire.signed_download({"url": "https://s.example/x", "expires_in": 600})
    upload = wire.signed_upload({"url": "https://s.example/y", "storage_path": "videos/1.mp4"})
    assert (download.url, download.expires_in_s) == ("https://s.example/x", 600)
    assert (upload.storage_path, upload.expires_in_s) == ("videos/1.mp4", None)


@pytest.mark.parametrize("url", [None, "", 7, "x" * 9000])
def test_a_signature_without_a_url_is_unreadable(url):
    with pytest.raises(wire.Unreadable):
        wire.signed_download({"url": url})


@pytest.mark.parametrize("path", [None, "", "../videos/1.mp4", "/videos/1.mp4"])
def test_an_upload_without_a_usable_path_is_unreadable(path):
    with pytest.raises(wire.Unreadable):
        wire.signed_upload({"url": "https://s.example/y", "storage_path": path})


def test_a_signed_url_is_not_in_its_repr():
    signed = wire.signed_upload({"url": "https://s.example/?token=canary", "storage_path": "v/1"})
    assert "canary" not in repr(signed)
    assert "canary" not in repr(wire.signed_download({"url": "https://s.example/?t=canary"}))


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"null", b"[]", b"7", b"{", b"\xff\xfe", b"<html>", b"[" * 1_000_000, b"9" * 9999],
)
def test_a_body_that_is_no_object_is_unreadable(body):
    with pytest.raises(wire.Unreadable):
        wire.envelope(body)


def test_requests_are_named_as_on_the_wire():
    assert json.loads(wire.encoded(wire.NextTask("w", 600, "wan"))) == {
        "worker_id": "w",
        "lease_duration_seconds": 600,
        "worker_type": "wan",
    }
    assert json.loads(wire.encoded(wire.PresignUpload("i"))) == {
        "operation": "upload",
        "video_item_id": "i",
        "file_extension": "mp4",
    }
    assert json.loads(wire.encoded(wire.PresignDownload("g/p.jpg"))) == {
        "operation": "download",
        "storage_path": "g/p.jpg",
    }


def test_a_report_carries_the_runway_task_only_when_there_is_one():
    plain = json.loads(wire.encoded(wire.ReportCompleted("i", "w", "videos/i.mp4")))
    paid = json.loads(wire.encoded(wire.ReportCompleted("i", "w", "videos/i.mp4", "rw-1")))
    assert "runway_task_id" not in plain
    assert paid == plain | {"runway_task_id": "rw-1"}
    assert plain["status"] == "completed"
