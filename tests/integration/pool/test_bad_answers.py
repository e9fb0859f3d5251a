"""Every bad answer that a server or a storage can give, to pools of real processes."""

from pathlib import Path

from tests.fakes.bad_server import Fault
from tests.fakes.bad_server.faults import (
    HOSTILE,
    Canned,
    CutAnswer,
    CutUpload,
    DatabaseError,
    Delay,
    Drip,
    Reset,
    StorageRefusal,
    empty,
    garbage,
    html,
    huge,
    rate_limited,
    redirect,
    refused_with_200,
    wrong_types,
)

API_TIMEOUT_S = 2
SHORT = {
    "lease_duration_seconds": 6,
    "heartbeat_interval": 1.5,
    "api_timeout": API_TIMEOUT_S,
}

CALLS = ("next-task", "heartbeat", "presign-download", "presign-upload", "report")
ELSEWHERE = redirect("https://elsewhere.example/api")
TO_ANY_CALL = (
    *(Canned(status) for status in (500, 502, 503, 504)),
    rate_limited(1),
    html(),
    html(404),
    empty(),
    garbage(),
    refused_with_200(),
    wrong_types(),
    huge(),
    Drip(1),
    Drip(1, head_too=True),
    Reset(),
    DatabaseError(),
    ELSEWHERE,
)
TO_A_DOWNLOAD = (
    *(StorageRefusal(error) for error in ("InvalidJWT", "ExpiredToken", "NotFound", "SlowDown")),
    html(),
    Canned(503),
    CutAnswer(20),
    Drip(40),
    Reset(),
    ELSEWHERE,
)
TO_AN_UPLOAD = (
    *(StorageRefusal(error) for error in ("InvalidJWT", "ExpiredToken", "SlowDown")),
    html(),
    Canned(503),
    CutUpload(100),
    Reset(),
    Reset(after_effect=True),
    ELSEWHERE,
)


AFTER_THE_EFFECT = (Reset(after_effect=True), Delay(API_TIMEOUT_S + 1, after_effect=True))


def every_second_call(endpoint, kinds):
    """Each kind once; in between, the call is answered as it should be."""
    # A fault does not count the calls that an earlier one took.
    return [Fault(endpoint, kind, skip=place + 1) for place, kind in enumerate(kinds)]


def test_no_bad_answer_costs_a_task(server, add, start, watch):
    """Every kind to some call, and to each call some of them and every loss of its answer."""
    spread = [TO_ANY_CALL[place :: len(CALLS)] for place in range(len(CALLS))]
    faults = [
        *every_second_call("download", TO_A_DOWNLOAD),
        *every_second_call("upload", TO_AN_UPLOAD),
    ]
    for call, kinds in zip(CALLS, spread, strict=True):
        faults += every_second_call(call, (*AFTER_THE_EFFECT, *kinds))
    server.set_faults(*faults)
    items = [add() for _ in range(12)]
    start("--workers", "4", **SHORT)
    watch.until_all(items, within_s=110)
    assert sum(bool(entry.fault) for entry in server.entries()) >= 0.8 * len(faults)


REPORTED = {
    "photo path climbs out of its bucket": "The photo's path leaves its folder.",
    "photo path is null": "The task names no photo.",
    "prompt is a megabyte": "The prompt has 1000000 characters; 20000 are accepted.",
    "frame_num is a billion": "frame_num is not between 1 and 100000.",
    "frame_num is negative": "frame_num is not between 1 and 100000.",
    "frame_num is a fraction": "frame_num is not a whole number.",
}
RENAMED = [what for what, overlay in HOSTILE.items() if "item_id" in overlay.fields]
"""Under these nobody can report the task; it comes again once its lease has run out."""


def test_hostile_tasks_end_in_words_or_in_a_video(server, add, start, expect, watch):
    pool = start("--workers", "2", **SHORT)
    pool.wait_for_states("ready", "ready")
    items = {}
    for what in sorted(HOSTILE, key=RENAMED.__contains__):
        server.set_faults(Fault("next-task", HOSTILE[what]))
        items[what] = add()
        watch.until_leased(items[what])
    server.set_faults()
    failed = {items[what]: words for what, words in REPORTED.items()}
    expect(may_fail=frozenset(failed))
    watch.until_all(failed, "failed")
    watch.until_all([item for item in items.values() if item not in failed])
    assert {item: server.item(item).error_message for item in failed} == failed
    written = [path.name for path in pool.folder.rglob("*")]
    assert not [name for name in written if "escaped" in name or "rm -rf" in name]
    assert not Path("/tmp/escaped").exists()


def test_a_video_that_the_storage_refuses_is_kept_and_delivered_later(
    server, add, start, expect, watch
):
    """415 and 403 are what a bucket answers that somebody set up wrongly; 413 stays as it is."""
    refusals = ("InvalidMimeType", "AccessDenied", "EntityTooLarge")
    server.set_faults(*(Fault("upload", StorageRefusal(error)) for error in refusals))
    items = [add() for _ in refusals]
    start("--workers", "1", **SHORT)
    watch.until_all(items[:2])
    watch.until_all(items[2:], "failed")
    expect(may_fail=frozenset(items[2:]))
    words = "the finished video is larger than the storage accepts"
    assert server.item(items[2]).error_message == words
