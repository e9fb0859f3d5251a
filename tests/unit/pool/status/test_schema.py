"""The fields of the status, word for word: other people's scripts read them.

A field is added here only together with a note in the changelog; none is ever renamed.
"""

import json

import pytest
from pydantic import ValidationError

from pool.status.schema import Status
from tests.unit.pool.status.sample import CURRENT, DEVICE, GPU, LAST_EXIT, slot, status

POOL_FIELDS = [
    "id",
    "pid",
    "mode",
    "state",
    "started_at",
    "uptime_s",
    "api_url",
    "version",
]
SLOT_FIELDS = [
    "slot",
    "state",
    "worker_id",
    "pid",
    "incarnation",
    "restarts",
    "tasks_completed",
    "tasks_failed",
    "tasks_lost",
    "last_exit",
    "current",
    "device",
    "gpu",
    "rss_bytes",
    "reason",
]
PART_FIELDS = {
    "last_exit": ["code", "signal", "reason", "at"],
    "current": ["item_id", "stage", "step", "steps", "progress", "eta_s", "lease_remaining_s"],
    "device": ["uuid", "name", "index"],
    "gpu": [
        "memory_used_bytes",
        "memory_total_bytes",
        "utilization_percent",
        "temperature_c",
        "power_w",
        "ecc_uncorrected",
        "last_xid",
        "rows_remapped",
        "pages_retired",
        "repair_pending",
        "throttled_by",
        "recovery",
        "sampled_at",
    ],
}


def written(*slots):
    return json.loads(status(*slots).model_dump_json(by_alias=True))


def test_the_whole_has_the_promised_fields():
    assert list(written()) == ["schema", "pool", "slots"]
    assert written()["schema"] == 1


def test_the_pool_has_the_promised_fields():
    assert list(written()["pool"]) == POOL_FIELDS


def test_a_slot_has_the_promised_fields_whether_they_are_known_or_not():
    assert list(written(slot())["slots"][0]) == SLOT_FIELDS
    full = slot(current=CURRENT, device=DEVICE, gpu=GPU, last_exit=LAST_EXIT, reason="why")
    assert list(written(full)["slots"][0]) == SLOT_FIELDS


@pytest.mark.parametrize("part", PART_FIELDS)
def test_each_part_of_a_slot_has_the_promised_fields(part):
    full = slot(current=CURRENT, device=DEVICE, gpu=GPU, last_exit=LAST_EXIT)
    assert list(written(full)["slots"][0][part]) == PART_FIELDS[part]
    assert written(slot())["slots"][0][part] is None


@pytest.mark.parametrize("state", ["running", "draining", "stopped", "dead"])
def test_the_pools_states_are_these_four(state):
    assert status(state=state).pool.state == state


def test_the_pool_has_no_other_state():
    with pytest.raises(ValidationError):
        status(state="asleep")


def test_what_was_written_can_be_read_back():
    whole = status(slot(current=CURRENT, device=DEVICE, gpu=GPU, last_exit=LAST_EXIT))
    assert Status.model_validate_json(whole.model_dump_json(by_alias=True)) == whole
