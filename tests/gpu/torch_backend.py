"""A backend that does to a real GPU what models do at worst: by its prompt `hold`, `assert`, `oom`.

It computes nothing else, so that a test takes seconds. It writes down which device torch shows it.
"""

import os
import time
from pathlib import Path

import torch

from inference.wan.faults import as_device_fault
from tests.fakes.quick_backend import QuickBackend
from tests.gpu.notes import note_of_device

HELD_BYTES = 20 * 10**9


class TorchBackend(QuickBackend):
    def load(self, progress):
        self._weights = torch.ones(1 << 20, device="cuda")
        note_of_device(Path(), os.getpid()).write_text(self.device_uuid())
        super().load(progress)

    def device_uuid(self):
        return str(torch.cuda.get_device_properties(self._weights.device).uuid)

    def infer(self, prepared, progress, cancel):
        try:
            _do(prepared.prompt)
        except RuntimeError as error:
            raise as_device_fault(error) or error from error
        return super().infer(prepared, progress, cancel)


def _do(prompt: str) -> None:
    if prompt == "hold":
        held = torch.empty(HELD_BYTES, dtype=torch.uint8, device="cuda").fill_(1)
        torch.cuda.synchronize()
        Path("holds").touch()
        while held.numel():
            time.sleep(0.05)
    if prompt == "assert":
        torch.zeros(4, device="cuda")[torch.tensor([99], device="cuda")].sum()
        torch.cuda.synchronize()
    if prompt == "oom":
        torch.empty(1 << 44, dtype=torch.uint8, device="cuda")
