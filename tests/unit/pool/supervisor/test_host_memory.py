import os

import psutil
import pytest

from pool.supervisor.host_memory import HostMemory


def container(folder, limit, used=0, inactive_file=0):
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {inactive_file}\nactive_file 2\n")
    return HostMemory(folder)


def test_a_containers_limit_counts_where_it_is_lower_than_the_hosts(tmp_path):
    memory = container(tmp_path, limit=10_000_000, used=4_000_000, inactive_file=1_000_000)
    assert memory.available_bytes() == 7_000_000
    assert memory.total_bytes() == 10_000_000


def test_a_container_that_is_over_its_limit_has_nothing_left(tmp_path):
    assert container(tmp_path, limit=1_000, used=4_000).available_bytes() == 0


@pytest.mark.parametrize("limit", ["max", 10**18])
def test_a_container_without_a_limit_has_what_the_host_has(tmp_path, limit):
    available = container(tmp_path, limit).available_bytes()
    assert 0 < available <= psutil.virtual_memory().total
    assert container(tmp_path, limit).total_bytes() == psutil.virtual_memory().total


def test_a_host_without_containers_is_read_all_the_same(tmp_path):
    assert HostMemory(tmp_path / "none").available_bytes() > 0


def test_a_process_is_known_by_what_is_its_own():
    private = HostMemory().private_bytes(os.getpid())
    assert 0 < private < psutil.Process().memory_info().rss


def test_a_process_that_is_gone_holds_nothing():
    assert HostMemory().private_bytes(2**22 + 1) == 0
