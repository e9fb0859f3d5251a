"""The pure parts of `start-pool --check`."""

import os
import resource
import time
from dataclasses import dataclass
from email.utils import formatdate
from types import SimpleNamespace

import psutil
import pytest

from pool.child.check import clock, host_memory
from pool.child.check_device import judged
from pool.commands.host_checks import folder_finding, limit_finding, limits

NOW = 1_767_430_000.0


@pytest.mark.parametrize("off_s", [-29, 0, 29])
def test_a_clock_that_agrees_is_fine(off_s):
    assert clock(formatdate(NOW + off_s, usegmt=True), NOW).ok


@pytest.mark.parametrize(("off_s", "words"), [(90, "90 s behind"), (-3600, "3600 s ahead of")])
def test_a_clock_that_is_off_is_told_by_how_much(off_s, words):
    found = clock(formatdate(NOW + off_s, usegmt=True), NOW)
    assert not found.ok
    assert words in found.words
    assert "timedatectl" in found.remedy


def test_a_server_that_tells_nonsense_proves_nothing():
    assert clock("yesterday", time.time()).ok


def test_memory_is_asked_for_all_children_and_for_one_load():
    assert host_memory(4, 2**30, 0, 4 * 2**30).ok
    found = host_memory(8, 2**30, 3 * 2**30, 4 * 2**30)
    assert not found.ok
    assert found.words == "4.0 GiB free, 11.0 needed for 8 children"


def test_a_limit_that_is_too_low_names_the_command_that_raises_it():
    assert limit_finding("open files", 512, None, "-n").ok
    assert limit_finding("open files", 512, 1024, "-n").ok
    found = limit_finding("open files", 512, 256, "-n")
    assert found.words == "256 allowed, 512 needed"
    assert found.remedy.endswith("ulimit -n 1024")


def test_the_users_limit_of_processes_is_less_what_runs_already(monkeypatch):
    allowed = {resource.RLIMIT_NPROC: (300, 300), resource.RLIMIT_NOFILE: (1024, 1024)}
    monkeypatch.setattr(resource, "getrlimit", allowed.get)
    ours, threads = os.getuid() or 4711, 30
    mine = SimpleNamespace(info={"uids": SimpleNamespace(real=ours), "num_threads": threads})
    theirs = SimpleNamespace(info={"uids": SimpleNamespace(real=ours + 1), "num_threads": 500})
    gone = SimpleNamespace(info={"uids": None, "num_threads": None})
    monkeypatch.setattr(psutil, "process_iter", lambda _fields: [mine, theirs, gone])
    monkeypatch.setattr(os, "getuid", lambda: ours)
    files, processes = limits(4)
    assert files.ok
    assert processes.words == "270 allowed, 512 needed"
    assert processes.remedy.endswith("ulimit -u 1024")


def test_a_folder_that_is_not_there_is_judged_by_the_one_above_and_not_made(tmp_path):
    assert folder_finding(tmp_path / "a" / "b", 1).ok
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_how_much_room_is_needed(tmp_path):
    found = folder_finding(tmp_path, 10**18)
    assert not found.ok
    assert "make room" in found.remedy


@dataclass(frozen=True)
class Trial:
    """What `inference.wan.trial_kernel` returns, without the torch that it imports."""

    uuid: str
    name: str = "NVIDIA H200"
    free_bytes: int = 138 * 2**30
    torch_version: str = "2.13.0"
    cuda_version: str = "13.0"


def test_a_kernel_on_the_card_that_nvml_means_proves_that_they_agree():
    found = judged("gpu3", "GPU-0A1b-2", Trial("0a1b-2"))
    assert found.ok
    assert "NVIDIA H200 computes, 138 GiB free" in found.words
    assert "CUDA 13.0 (torch 2.13.0)" in found.words


def test_a_kernel_on_another_card_is_no_proof():
    found = judged("gpu3", "GPU-1", Trial("2"))
    assert (found.ok, int(found.code)) == (False, 3)
    assert found.words == "CUDA shows 2 where NVML has GPU-1"
