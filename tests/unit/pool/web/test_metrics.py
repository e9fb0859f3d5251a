"""What Prometheus scrapes, read back with the official parser."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pool.gpu.readings import Brake
from pool.status.observer import Look
from pool.status.spent import SpentToday
from pool.status.status_file import Found
from pool.status.task_records import TaskRecord
from pool.status.totals import totals
from pool.web.metrics import PREFIX, Metrics
from tests.unit.pool.status.sample import CURRENT, DEVICE, GPU, NOTHING_KNOWN, slot, status

ROOT = Path(__file__).resolve().parents[4]
NOW = 1_767_430_000.0


def look(*slots, state="running", age_s=0.5, records=(), spent=None):
    found = Found(status(*slots, state=state), age_s)
    lately = totals(found.status, records, None, NOW)
    return Look(found, lately, tuple(records), spent=spent)


def scraped(*looks):
    metrics = Metrics()
    for each in looks:
        metrics.take(each)
    text, content_type = metrics.exposition("")
    assert content_type.startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_a_living_pool_is_up():
    assert scraped(look())["gpu_pool_up",] == 1.0
    assert scraped(look())["gpu_pool_info", "rig", "wan", "0.1.0"] == 1.0


@pytest.mark.parametrize(
    "absent", [Look(None, None), look(state="dead"), look(state="stopped"), look(age_s=60.0)]
)
def test_a_pool_that_is_gone_or_hangs_is_not_up(absent):
    assert scraped(absent)["gpu_pool_up",] == 0.0


def test_a_slot_is_in_exactly_one_state():
    values = scraped(look(slot("gpu0", "quarantined")))
    states = {key[2]: value for key, value in values.items() if key[0] == "gpu_pool_slot_state"}
    assert sum(states.values()) == 1.0
    assert states["quarantined"] == 1.0


def test_what_is_known_of_a_slot_is_told_in_base_units():
    values = scraped(look(slot("gpu0", device=DEVICE, gpu=GPU, current=CURRENT)))
    assert values["gpu_pool_gpu_utilization_ratio", "gpu0"] == 0.97
    assert values["gpu_pool_gpu_memory_used_bytes", "gpu0"] == GPU.memory_used_bytes
    assert values["gpu_pool_lease_remaining_seconds", "gpu0"] == 431.0
    assert values["gpu_pool_tasks_total", "completed", "gpu0"] == 12.0
    assert values["gpu_pool_slot_restarts_total", "gpu0"] == 1.0


def test_what_is_not_known_is_left_out():
    values = scraped(look(slot("gpu0", device=DEVICE, gpu=NOTHING_KNOWN), slot("gpu1")))
    assert not [key for key in values if key[0].startswith("gpu_pool_gpu_")]


def test_each_brake_is_told_whether_it_is_on_or_not():
    hot = GPU.model_copy(update={"throttled_by": ("power cap", "heat")})
    values = scraped(look(slot("gpu0", device=DEVICE, gpu=hot)))
    brakes = {key[1]: value for key, value in values.items() if key[0] == "gpu_pool_gpu_throttled"}
    assert brakes == {brake.value: float(brake in hot.throttled_by) for brake in Brake}


def test_what_was_spent_is_told_where_there_is_something_to_spend():
    caps = SpentToday(videos=7, usd_estimate=1.75, cap_videos=None, cap_usd=20.0)
    values = scraped(look(spent=caps))
    assert values["gpu_pool_runway_spent_today_dollars",] == 1.75
    assert values["gpu_pool_runway_videos_today",] == 7.0
    assert values["gpu_pool_runway_cap_dollars",] == 20.0
    assert not [key for key in values if key[0] == "gpu_pool_runway_cap_videos"]
    assert not [key for key in scraped(look()) if "runway" in key[0]]


def test_stages_are_counted_once_each_and_only_from_now_on():
    old = TaskRecord(NOW - 50, "gpu0", "a", "completed", "", {"infer": 90.0})
    new = TaskRecord(NOW, "gpu0", "b", "completed", "", {"infer": 110.0})
    values = scraped(look(records=[old]), look(records=[old, new]), look(records=[old, new]))
    assert values["gpu_pool_stage_seconds_count", "infer"] == 1.0
    assert values["gpu_pool_stage_seconds_sum", "infer"] == 110.0


def test_the_page_and_the_dashboard_name_only_metrics_that_there_are_and_the_page_all():
    record = TaskRecord(NOW, "gpu0", "a", "completed", "", {"infer": 90.0})
    spent = SpentToday(videos=1, usd_estimate=0.25, cap_videos=9, cap_usd=20.0)
    worker = slot("gpu0", device=DEVICE, gpu=GPU, current=CURRENT)
    full = look(worker, records=[record], spent=spent)
    there = {key[0] for key in scraped(look(), full)}
    there -= {"gpu_pool_stage_seconds_created"}
    page = (ROOT / "docs/monitoring.md").read_text()
    table = page.partition("<!-- metrics -->")[2].partition("\n\n")[0]
    told = set(re.findall(rf"`({PREFIX}_\w+)`", table))
    summary = "gpu_pool_stage_seconds"
    present = {name.removesuffix("_sum").removesuffix("_count") for name in there}
    quiet = {"gpu_pool_gpu_last_xid"}
    assert told - quiet == present
    dashboard = (ROOT / "configs/grafana-dashboard.json").read_text()
    used = set(re.findall(rf"{PREFIX}_\w+", dashboard))
    assert used <= there | {f"{summary}_sum", f"{summary}_count"}
