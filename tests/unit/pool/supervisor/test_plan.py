"""Which slots a pool has, and what each child finds in its environment."""

import pytest

from pool.gpu.readings import Device
from pool.settings.schema import Settings
from pool.supervisor.plan import (
    SlotPlan,
    child_environment,
    new_worker_id,
    slots,
    with_share_of_cores,
    with_small_heap,
)


def device(index, uuid=None):
    return Device(uuid or f"GPU-{index}", "Fake H200", index, f"0000:0{index}:00.0", None)


def configured(**more):
    return Settings(vercel_api_url="https://api.example", worker_token="key-of-the-worker", **more)


def names(plans):
    return [plan.name for plan in plans]


def test_a_slot_is_named_for_its_cards_place_on_the_machine():
    assert names(slots(configured(), [device(5), device(2)])) == ["gpu5", "gpu2"]


def test_instances_of_a_split_card_have_names_of_their_own():
    split = [device(0), device(1, "MIG-a"), device(1, "MIG-b"), device(1, "MIG-c")]
    assert names(slots(configured(), split)) == ["gpu0", "gpu1", "gpu1m1", "gpu1m2"]


@pytest.mark.parametrize("more", [{"device": "cpu"}, {"worker_type": "runway"}])
def test_without_gpus_there_are_as_many_slots_as_asked_for(more):
    plans = slots(configured(workers=3, **more), [])
    assert names(plans) == ["cpu0", "cpu1", "cpu2"]
    assert {plan.device for plan in plans} == {None}


def environment(environ, slot=None):
    return child_environment(environ, slot or SlotPlan("gpu1", device(1)), "/product")


def test_a_child_is_pinned_by_uuid():
    made = environment({"CUDA_VISIBLE_DEVICES": "0,1", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"})
    assert made["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert made["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_a_child_of_a_slot_without_a_device_sees_none():
    assert environment({}, SlotPlan("cpu0", None))["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "WORKER_API_KEY",
        "RUNWAY_API_KEY",
        "RUNWAYML_API_SECRET",
        "SUPABASE_SERVICE_ROLE_KEY",
        "NEXT_PUBLIC_SUPABASE_ANON_KEY",
    ],
)
def test_no_secret_is_in_a_childs_environment(name):
    assert name not in environment({name: "secret", "HOME": "/root"})


def test_everything_else_is_passed_on():
    assert environment({"HOME": "/root", "LD_LIBRARY_PATH": "/lib"}).items() >= {
        ("HOME", "/root"),
        ("LD_LIBRARY_PATH", "/lib"),
    }


def test_children_load_from_disk_only():
    made = environment({"HF_HUB_OFFLINE": "0"})
    assert made["HF_HUB_OFFLINE"] == made["TRANSFORMERS_OFFLINE"] == "1"


def test_the_product_is_found_before_the_callers_own_modules():
    assert environment({})["PYTHONPATH"] == "/product"
    assert environment({"PYTHONPATH": "/mine"})["PYTHONPATH"] == "/product:/mine"


def test_no_two_incarnations_share_a_worker_id():
    ids = {new_worker_id("rig", "gpu0") for _ in range(100)}
    assert len(ids) == 100
    assert all(worker_id.startswith("rig-gpu0-") for worker_id in ids)


@pytest.mark.parametrize(("children", "cores", "share"), [(1, 8, "8"), (2, 8, "4"), (5, 2, "1")])
def test_children_without_a_gpu_share_the_cores(children, cores, share):
    assert with_share_of_cores({}, children, cores) == {"OMP_NUM_THREADS": share}


def test_a_number_of_threads_that_the_person_has_set_stays():
    theirs = {"OMP_NUM_THREADS": "3"}
    assert with_share_of_cores(theirs, 2, 8) == theirs


def test_a_child_keeps_few_heaps_unless_the_person_wants_more():
    assert environment({})["MALLOC_ARENA_MAX"] == "2"
    assert environment({"MALLOC_ARENA_MAX": "8"})["MALLOC_ARENA_MAX"] == "8"


def test_a_small_heap_gives_large_pieces_back_unless_the_person_says_otherwise():
    assert with_small_heap({})["MALLOC_MMAP_THRESHOLD_"] == "262144"
    theirs = {"MALLOC_MMAP_THRESHOLD_": "1000"}
    assert with_small_heap(theirs) == theirs
