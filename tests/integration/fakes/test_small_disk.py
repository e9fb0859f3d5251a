"""Both small disks refuse alike, so that tests on the played one prove what they say."""

import os
import subprocess
import sys

import pytest

from tests.fakes.small_disk import MountedDisk, PlayedDisk

WRITE = """
import os, shutil, sys
folder = sys.argv[1]
try:
    os.makedirs(f"{folder}/made", exist_ok=True)
    with open(f"{folder}/made/{os.getpid()}", "wb", buffering=0) as file:
        file.write(b"x" * 9000)
    said = "written"
except OSError as error:
    said = error.strerror
print(said, "and room" if shutil.disk_usage(folder).free > 9000 else "and no room")
"""


@pytest.fixture(params=[MountedDisk, PlayedDisk])
def disk(request, tmp_path):
    try:
        made = request.param(tmp_path / "disk")
    except (subprocess.CalledProcessError, OSError):
        pytest.skip("no disk may be mounted here")
    yield made
    made.close()


def said_by_a_writer(disk, folder):
    command = [sys.executable, "-c", WRITE, str(folder)]
    environ = {**os.environ, **disk.environ}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def test_a_full_disk_takes_nothing_until_there_is_room(disk):
    assert said_by_a_writer(disk, disk.folder) == "written and room\n"
    disk.fill()
    assert said_by_a_writer(disk, disk.folder) == "No space left on device and no room\n"
    disk.make_room()
    assert said_by_a_writer(disk, disk.folder) == "written and room\n"


def test_a_sealed_folder_takes_nothing_and_its_neighbours_do(disk):
    with disk.sealed("state"):
        assert said_by_a_writer(disk, disk.folder / "state").startswith("Read-only file system")
        assert said_by_a_writer(disk, disk.folder) == "written and room\n"
    assert said_by_a_writer(disk, disk.folder / "state") == "written and room\n"
