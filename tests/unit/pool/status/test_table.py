"""The table for a person, drawn at the widths of real terminals."""

import io

import pytest
from rich.console import Console

from pool.status.host import Host
from pool.status.spent import SpentToday
from pool.status.status_file import Found
from pool.status.table import Paper, screen
from pool.status.totals import Totals
from tests.unit.pool.status.sample import (
    CURRENT,
    DEVICE,
    GIB,
    GPU,
    LAST_EXIT,
    NOTHING_KNOWN,
    slot,
    status,
)

STATES = ["starting", "ready", "busy", "draining", "backoff", "quarantined", "lost", "stopped"]


TOTALS = Totals(
    window_s=3600.0,
    videos=184,
    failed=1,
    lost=12,
    videos_per_hour=184.0,
    worked_share=0.97,
    queue_empty_s=82.0,
    key_refused_s=None,
    poll_failures=0,
)


HOST = Host(
    cores=16,
    load=20.5,
    memory_used_bytes=41 * GIB,
    memory_total_bytes=128 * GIB,
    disk_free_bytes=120 * 10**9,
)


def drawn(
    *slots, width=120, age_s=0.5, state="running", totals=None, host=None, spent=None, **paper
):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    found = Found(status(*slots, state=state), age_s)
    console.print(screen(found, Paper(width, **paper), totals, host, spent))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"current": CURRENT},
        {"current": CURRENT.model_copy(update={"steps": 0, "step": 0, "eta_s": None})},
        {"device": DEVICE, "gpu": GPU, "current": CURRENT},
        {"device": DEVICE, "gpu": NOTHING_KNOWN},
        {"device": DEVICE, "gpu": None, "pid": None, "rss_bytes": None, "worker_id": None},
        {"last_exit": LAST_EXIT, "reason": "killed by SIGKILL; starting again in 4 s"},
    ],
)
def test_whatever_a_slot_is_it_can_be_drawn_within_the_width(width, more):
    text = drawn(*(slot(f"gpu{n}", state, **more) for n, state in enumerate(STATES)), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


@pytest.mark.parametrize(
    ("width", "pieces"),
    [
        (40, ["gpu10", "quarantined", "infer", "24%"]),
        (80, ["gpu10", "quarantined", "26/139", "64°C", "infer", "24%", "1h06m", "12/1/0"]),
        (120, ["26/139", "97%", "64°C", "0b8f0c9e", "infer", "24%", "1h06m", "7m11s", "12/1/0"]),
    ],
)
def test_what_is_shown_on_a_terminal_of_this_width_is_shown_whole(width, pieces):
    known = {"device": DEVICE, "gpu": GPU, "current": CURRENT}
    text = drawn(slot("gpu10", "quarantined", **known), width=width)
    assert [piece for piece in pieces if piece not in text] == []


def test_on_a_low_screen_a_task_stays_in_its_slots_line():
    slots = [slot(f"gpu{n}", "busy", device=DEVICE, gpu=GPU, current=CURRENT) for n in range(8)]
    high, low = (drawn(*slots, width=80, low=low).splitlines() for low in (False, True))
    assert len(low) == len(high) - 9
    assert max(map(len, low)) <= 80
    assert all("infer 24%" in line for line in low if line.startswith("gpu"))


def test_a_person_sees_why_a_slot_does_not_work():
    text = drawn(slot("gpu0", "quarantined", reason="wrong device: GPU-2 is in use"))
    assert "gpu0: wrong device: GPU-2 is in use" in text
    assert "what to do about a reason: docs/operate.md" in text


def test_slots_that_work_or_start_need_no_advice():
    text = drawn(slot("gpu0", "starting", reason="starting"), slot("gpu1", last_exit=LAST_EXIT))
    assert "docs/operate.md" not in text


def test_a_reason_is_no_markup():
    assert "[red]x[/red] [/]" in drawn(slot("gpu0", "backoff", reason="[red]x[/red] [/]"))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_host_is_a_line_that_fits(width):
    text = " ".join(drawn(width=width, host=HOST).split())
    assert "host load 20.5 on 16 cores memory" in text
    assert "41/128G disk 120 GB free" in text
    lines = drawn(width=width, host=HOST, bars=False).splitlines()
    assert max(map(len, lines)) <= width


def test_a_stale_status_is_called_so_and_a_dead_pool_says_where_to_look():
    assert "the status is 1m01s old: the supervisor hangs" in drawn(age_s=61.0)
    assert "see logs/pool.log and dmesg" in drawn(state="dead")


def test_without_gpus_no_gpu_columns_are_drawn():
    assert "memory" not in drawn(slot("cpu0"))
    assert "memory" in drawn(slot("gpu0", device=DEVICE))


def test_no_slot_at_all_can_be_drawn():
    console = Console(file=io.StringIO(), width=80)
    empty = status().model_copy(update={"slots": ()})
    console.print(screen(Found(empty, 0.0), Paper(80)))
    assert "pool rig" in console.file.getvalue()


def test_at_80_columns_the_task_has_a_line_of_its_own():
    text = drawn(slot("gpu3", "busy", device=DEVICE, gpu=GPU, current=CURRENT), width=80)
    line = next(line for line in text.splitlines() if "infer" in line)
    assert line.split() == [
        *("gpu3", "0b8f0c9e", "infer", "█▉░░░░░░", "24%"),
        *("1h06m", "left", "lease", "7m11s"),
    ]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_last_hour_stands_above_the_table(width):
    text = " ".join(drawn(width=width, totals=TOTALS).split())
    assert "184 videos in the last hour, 1 failed, 12 lost" in text
    assert "worked 97%" in text
    assert "queue empty for 1m22s" in text


def test_a_young_pool_tells_what_its_rate_would_be():
    young = TOTALS.model_copy(update={"window_s": 600.0, "videos": 5, "videos_per_hour": 30.0})
    assert "5 videos in 10m00s (30 an hour)" in drawn(totals=young)


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"key_refused_s": 61.0}, "key refused (401) for 1m01s"),
        ({"poll_failures": 3}, "queue not reached (3 times)"),
    ],
)
def test_what_is_the_matter_with_the_queue_goes_before_its_emptiness(update, words):
    text = drawn(totals=TOTALS.model_copy(update=update))
    assert words in text
    assert "queue empty" not in text


def test_without_bars_or_unicode_the_table_is_plain():
    known = {"device": DEVICE, "gpu": GPU, "current": CURRENT}
    assert "infer 24%" in drawn(slot("gpu0", **known), width=160, bars=False)
    assert drawn(slot("gpu0", reason=None), unicode=False).isascii()
    assert "█" in drawn(slot("gpu0", **known))


def test_a_slot_that_works_again_still_tells_how_its_former_child_ended():
    text = drawn(slot("gpu0", "ready", last_exit=LAST_EXIT))
    assert "gpu0: last restart 2026-01-03T09:00:00Z: killed by SIGKILL" in text


def test_a_device_that_something_slows_down_is_told_of_but_not_that_it_is_at_its_power_cap():
    capped = slot("gpu0", gpu=GPU)
    hot = slot("gpu1", gpu=GPU.model_copy(update={"throttled_by": ("power cap", "heat")}))
    text = drawn(capped, hot)
    assert "gpu1: slowed down by heat\n" in text
    assert "gpu0:" not in text


def test_gpus_are_named_once():
    slots = [slot(f"gpu{n}", device=DEVICE) for n in range(8)]
    assert "8 × NVIDIA H200" in drawn(*slots)


def test_what_the_day_has_cost_is_told_as_an_estimate_with_its_caps():
    free = SpentToday(videos=1, usd_estimate=0.25, cap_videos=None, cap_usd=None)
    assert "today (UTC): 1 video bought, about $0.25 (estimate)" in drawn(spent=free)
    capped = SpentToday(videos=3, usd_estimate=0.75, cap_videos=40, cap_usd=10.0)
    words = "today (UTC): 3 videos of 40 bought, about $0.75 of $10.00 (estimate)"
    assert words in drawn(spent=capped)
    assert "today" not in drawn()
