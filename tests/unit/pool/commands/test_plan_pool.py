"""From settings and what NVML lists to a plan."""

import pytest

from pool.commands.plan_pool import NoDevice, _usable, plan, worker_prefix
from pool.errors import ConfigError
from pool.gpu.readings import Device, Snapshot
from pool.settings.schema import Settings
from pool.state_dir import StateDir

CARDS = tuple(Device(f"GPU-{n}0000000", "Fake H200", n, f"0000:0{n}:00.0", None) for n in range(3))


def configured(**more):
    return Settings(vercel_api_url="https://api.example", worker_token="key-of-the-worker", **more)


def usable(spec=None, snapshot=None, **more):
    devices, warnings = _usable(configured(**more), snapshot or Snapshot(CARDS), spec)
    return [device.index for device in devices], warnings


def test_without_gpus_nvml_is_not_asked():
    planned = plan(configured(device="cpu", workers=2), {"PATH": ""})
    assert [slot.name for slot in planned.slots] == ["cpu0", "cpu1"]


@pytest.mark.parametrize(
    ("spec", "indices"), [(None, [0, 1, 2]), ("2,0", [2, 0]), ("GPU-1", [1]), ("1,9,2", [1])]
)
def test_the_visible_devices_are_used_in_their_order(spec, indices):
    assert usable(spec)[0] == indices


def test_an_entry_that_is_no_gpu_is_warned_about():
    _, [warning] = usable("1,9,2")
    assert warning == "CUDA_VISIBLE_DEVICES: ignored from '9' on, which is no GPU here"


def test_devices_narrows_what_is_visible():
    assert usable("2,0", devices="0")[0] == [0]
    with pytest.raises(ConfigError, match="'1' is no visible GPU"):
        usable("2,0", devices="1")


@pytest.mark.parametrize(
    ("snapshot", "spec", "said"),
    [
        (Snapshot(error="libnvidia-ml.so.1 is not here"), None, "libnvidia-ml.so.1 is not here"),
        (Snapshot(), None, "NVML lists none"),
        (Snapshot(CARDS), "", "CUDA_VISIBLE_DEVICES='' shows none of the 3 GPUs here"),
        (Snapshot(CARDS), "-1", "CUDA_VISIBLE_DEVICES='-1' shows none of the 3 GPUs here"),
    ],
)
def test_no_device_says_what_was_looked_for(snapshot, spec, said):
    with pytest.raises(NoDevice, match=said.replace(".", r"\.")) as refused:
        usable(spec, snapshot)
    assert "\n" not in str(refused.value)


def test_the_worker_id_is_the_given_one(tmp_path):
    settings = configured(worker_id="rig")
    assert worker_prefix(settings, StateDir(tmp_path), create=True) == "rig"
    assert list(tmp_path.iterdir()) == []


def test_a_generated_worker_id_is_kept_in_the_state_folder(tmp_path):
    state_dir = StateDir(tmp_path)
    assert worker_prefix(configured(), state_dir, create=False) is None
    made = worker_prefix(configured(), state_dir, create=True)
    assert len(made) == 36
    assert worker_prefix(configured(), state_dir, create=True) == made
    assert worker_prefix(configured(), state_dir, create=False) == made
    assert [path.name for path in tmp_path.iterdir()] == ["worker_id"]


def test_an_empty_worker_id_file_is_replaced(tmp_path):
    (tmp_path / "worker_id").write_text("\n")
    assert len(worker_prefix(configured(), StateDir(tmp_path), create=True)) == 36
