"""What is left of the machine that the pool runs on, read by whoever looks. Light."""

import os
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pool.supervisor.host_memory import HostMemory


class Host(BaseModel):
    """The machine, or the container where that is smaller.

    `load` is the mean number of processes that wanted a core in the last minute; `disk_free_bytes`
    is about the disk of the state folder.
    """

    model_config = ConfigDict(frozen=True)

    cores: int
    load: float
    memory_used_bytes: int
    memory_total_bytes: int
    disk_free_bytes: int


def read_host(folder: Path) -> Host | None:
    """The machine now; `folder` is the state folder. None where it cannot be read."""
    memory = HostMemory()
    try:
        total_bytes = memory.total_bytes()
        return Host(
            cores=len(os.sched_getaffinity(0)),
            load=round(os.getloadavg()[0], 1),
            memory_used_bytes=max(0, total_bytes - memory.available_bytes()),
            memory_total_bytes=total_bytes,
            disk_free_bytes=shutil.disk_usage(folder).free,
        )
    except OSError:
        return None
