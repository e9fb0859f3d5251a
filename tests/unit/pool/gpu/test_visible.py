"""The grammar of CUDA_VISIBLE_DEVICES and of --devices."""

import pytest

from pool.errors import ConfigError
from pool.gpu.readings import Device
from pool.gpu.visible import chosen, ignored, visible


def card(index, uuid):
    return Device(uuid, "Fake", index, f"00000000:0{index}:00.0", 80)


CARDS = [card(0, "GPU-aa11"), card(1, "GPU-aa22"), card(2, "GPU-bb33")]
SPLIT = [card(0, "MIG-11"), card(0, "MIG-12"), card(1, "GPU-cc")]


def indices(devices):
    return [device.index for device in devices]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, [0, 1, 2]),
        ("", []),
        (" ", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("none", []),
        ("0", [0]),
        ("2,0", [2, 0]),
        (" 1 , 2 ", [1, 2]),
        ("+1", [1]),
        ("1gpu,2ampere", [1, 2]),
        ("00", [0]),
        ("0,-1,1", [0]),
        ("0,7,1", [0]),
        ("0,,1", [0]),
        ("0,x,1", [0]),
        ("1,", [1]),
        ("GPU-aa11", [0]),
        ("GPU-bb,GPU-aa1", [2, 0]),
        ("GPU-aa", []),
        ("GPU-", []),
        ("GPU-bb,GPU-aa,GPU-aa11", [2]),
        ("gpu-bb33", []),
        ("GPU-bb33,0", [2]),
        ("0,GPU-bb33", [0]),
        ("MIG-bb", []),
    ],
)
def test_a_list_shows_what_cuda_would_show(spec, expected):
    assert indices(visible(CARDS, spec)) == expected


@pytest.mark.parametrize("spec", ["0,0", "0,1,0", "1,01", "GPU-aa11,GPU-aa1", "2,2,9"])
def test_a_device_named_twice_is_an_error_that_names_it(spec):
    with pytest.raises(ConfigError, match=r"CUDA_VISIBLE_DEVICES: .* a second time"):
        visible(CARDS, spec)


def test_what_follows_the_first_entry_that_is_no_device_may_repeat_anything():
    assert indices(visible(CARDS, "0,9,0")) == [0]


def test_an_exact_uuid_wins_over_one_that_it_begins():
    devices = [card(0, "GPU-aa1"), card(1, "GPU-aa11")]
    assert indices(visible(devices, "GPU-aa1")) == [0]


def test_without_a_list_devices_come_in_the_order_of_their_bus_ids():
    assert indices(visible(CARDS[::-1], None)) == [0, 1, 2]


def test_an_instance_of_a_split_card_is_named_by_its_id():
    assert [device.uuid for device in visible(SPLIT, "MIG-12,MIG-11")] == ["MIG-12", "MIG-11"]


def test_the_index_of_a_split_card_means_its_first_instance():
    assert [device.uuid for device in visible(SPLIT, "0")] == ["MIG-11"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [(None, []), ("", []), ("0,1", []), ("0,9,1", ["9", "1"]), ("-1", ["-1"])],
)
def test_ignored_entries_can_be_told(spec, expected):
    assert ignored(CARDS, spec) == expected


def test_devices_flag_takes_indices_and_ids_in_one_list():
    assert indices(chosen(CARDS, "2, GPU-aa11")) == [2, 0]


@pytest.mark.parametrize("spec", ["7", "0,7", "x", "-1", "GPU-aa", "0,"])
def test_devices_flag_refuses_what_is_no_device_and_says_what_there_is(spec):
    with pytest.raises(ConfigError, match=r"--devices: .*there are: 0 \(GPU-aa11\), 1"):
        chosen(CARDS, spec)


def test_devices_flag_refuses_a_device_named_twice():
    with pytest.raises(ConfigError, match=r"--devices: .* a second time"):
        chosen(CARDS, "0,GPU-aa11")


def test_devices_flag_says_so_when_no_gpu_is_visible():
    with pytest.raises(ConfigError, match="there are: none"):
        chosen([], "0")
