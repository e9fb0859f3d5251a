"""`python -m pool.child.check_device SLOT UUID`: a real kernel on the one device that is visible.

A process for each device, pinned as its child will be. One JSON line on stdout: a `Finding`.
"""

import sys
from typing import TYPE_CHECKING

from inference.errors import DeviceUnfit
from pool.child.load import same_device
from pool.exit_codes import ExitCode
from pool.finding import Finding, fine, wrong

if TYPE_CHECKING:
    from inference.wan.trial_kernel import Trial


def finding(slot: str, assigned: str) -> Finding:
    """What became of the kernel on the device `assigned` (its UUID as NVML writes it)."""
    from inference.wan.trial_kernel import run_kernel

    try:
        return judged(slot, assigned, run_kernel())
    except DeviceUnfit as error:
        words, _, remedy = str(error).rpartition(": ")
        return wrong(slot, words, remedy, ExitCode.NO_DEVICE)


def judged(slot: str, assigned: str, trial: "Trial") -> Finding:
    """Whether a kernel that ran did so on the device that NVML means."""
    if not same_device(assigned, trial.uuid):
        words = f"CUDA shows {trial.uuid} where NVML has {assigned}"
        return wrong(slot, words, "restart the machine", ExitCode.NO_DEVICE)
    return fine(
        slot,
        f"{trial.name} computes, {trial.free_bytes / 2**30:.0f} GiB free, the same device to NVML "
        f"and to CUDA {trial.cuda_version} (torch {trial.torch_version})",
    )


if __name__ == "__main__":
    sys.stdout.write(finding(sys.argv[1], sys.argv[2]).model_dump_json() + "\n")
