"""Fake GPUs behind the real nvidia-ml-py: a small C library, steered through a text file.

library = build(tmp_path)
control = Control(tmp_path / "gpus", [FakeGpu(0), FakeGpu(1)])
environ = {**os.environ, **control.environ(library)}   # for the process that asks NVML
control.change(1, error=ErrorCode.GPU_IS_LOST)
"""

import os
import subprocess
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")

GIB = 1024**3


class ErrorCode(IntEnum):
    """NVML's error codes that tests inject."""

    NONE = 0
    NOT_SUPPORTED = 3
    DRIVER_NOT_LOADED = 9
    GPU_IS_LOST = 15
    RESET_REQUIRED = 16
    LIB_RM_VERSION_MISMATCH = 18
    UNKNOWN = 999


@dataclass(frozen=True)
class FakeGpu:
    """One fake card, or one MIG instance of the card `parent`. Power in milliwatts.

    `hang`: every reading of it takes for ever. `reserved` bytes are the driver's own, beside those
    `used`; -1: a driver that cannot tell.
    """

    uuid: str
    name: str = "Fake H200"
    bus: str = "00000000:01:00.0"
    memory: int = 139 * GIB
    used: int = 0
    reserved: int = 0
    temperature: int = 40
    power: int = 90_000
    utilization: int = 0
    ecc: int = 0
    xid: int = 0
    xids: int = 0
    mig: int = 0
    parent: str = ""
    error: int = ErrorCode.NONE
    hang: int = 0
    processes: str = ""
    rows: int = 0
    pages: int = -1
    repair_pending: int = 0
    repair_failed: int = 0
    brakes: int = 0
    recovery: int = -1


def cards(number: int) -> list[FakeGpu]:
    """`number` whole cards whose UUIDs differ in their first digit after `GPU-`."""
    return [
        FakeGpu(
            uuid=f"GPU-{n:x}0000000-0000-4000-8000-000000000000", bus=f"00000000:{n + 1:02X}:00.0"
        )
        for n in range(number)
    ]


class Control:
    """The file that the library reads at every call; each change is one atomic replacement."""

    def __init__(self, path: Path, gpus: list[FakeGpu]) -> None:
        self.path = path
        self.gpus = list(gpus)
        self.library_error: int = ErrorCode.NONE
        self.hangs = False
        self.write()

    def change(self, place: int, **changes: object) -> None:
        """Change fields of the GPU at `place`."""
        self.gpus[place] = replace(self.gpus[place], **changes)
        self.write()

    def xid(self, place: int, code: int) -> None:
        """Have the driver report an Xid for the GPU at `place`."""
        self.change(place, xid=code, xids=self.gpus[place].xids + 1)

    def break_library(self, code: int) -> None:
        """Have nvmlInit fail with `code`; 0 mends it."""
        self.library_error = code
        self.write()

    def hang(self, hangs: bool = True) -> None:
        """Have every call hang for ever, from the next one on."""
        self.hangs = hangs
        self.write()

    def write(self) -> None:
        """Write the file as it should be now."""
        lines = [f"nvml\terror={self.library_error:d}\thang={self.hangs:d}"]
        for gpu in self.gpus:
            values = "\t".join(f"{f.name}={_text(getattr(gpu, f.name))}" for f in fields(gpu))
            lines.append(f"gpu\t{values}")
        draft = self.path.with_suffix(".draft")
        draft.write_text("\n".join(lines) + "\n")
        draft.replace(self.path)

    def environ(self, library: Path) -> dict[str, str]:
        """The variables that make a process see these GPUs; `library` is what `build` returned."""
        return {"FAKE_NVML_CONTROL": str(self.path), "LD_LIBRARY_PATH": str(library.parent)}


def build(folder: Path) -> Path:
    """Compile the library into `folder`; gcc takes about a fifth of a second."""
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE],
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    return library


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, int) else str(value)
