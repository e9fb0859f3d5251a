"""What becomes of tasks that are not like the others."""

from inference.trial_video import write_trial_video
from tests.fakes.bad_server import Bugs
from tests.fakes.running_pool import wait_until


def test_odd_tasks_end_as_they_should_beside_an_ordinary_one(
    server, add, start, expect, watch, tmp_path
):
    refused = add("refuse")
    expect(may_fail=frozenset({refused}), finished=False)
    stored = add()
    of_a_dead_worker = write_trial_video(tmp_path / "stored.mp4").path.read_bytes()
    server.add_video(stored, of_a_dead_worker)
    elsewhere = add(provider="gen4_turbo")
    server.set_bugs(Bugs(sends_inference_provider=True))
    ordinary = add()
    pool = start("--workers", "2")
    watch.until_all([stored, ordinary])
    watch.until_all([refused], "failed")
    wait_until(lambda: given_back(watch, elsewhere), "the foreign task given back")
    pool.signal(15)
    assert pool.wait() == 0

    sentence = "the photo could not be read: it is refused by the test"
    assert server.item(refused).error_message == sentence
    assert watch.sent("upload", stored) == []
    assert watch.sent("presign-download", stored) == []
    assert server.objects()[f"videos/{stored}.mp4"].data == of_a_dead_worker
    assert server.item(elsewhere).status == "processing"
    assert server.item(elsewhere).retry_count == 0


def given_back(watch, item):
    return [e for e in watch.sent("heartbeat", item) if e.request["extend_seconds"] == 1]
