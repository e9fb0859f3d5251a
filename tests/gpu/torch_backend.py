"""A backend that does to a real GPU what models do at worst: by its prompt `hold`, `assert`, `oom`.

It computes nothing else, so that a test takes seconds. It notes which device torch shows it, and
how much of that device's memory was free.
"""

import os
import time
from pathlib import Path

import torch

from inference.wan.faults import as_device_fault
from tests.fakes.quick_backend import QuickBackend
from tests.gpu.notes import Note, leave

HELD_BYTES = 20 * 10**9
PIECE_BYTES = 1 << 30


class TorchBackend(QuickBackend):
    def load(self, progress):
        free_bytes, _total = torch.cuda.mem_get_info()
        self._weights = torch.ones(1 << 20, device="cuda")
        leave(Note(self.device_uuid(), free_bytes), os.getpid())
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
        _hold()
    if prompt == "assert":
        torch.zeros(4, device="cuda")[torch.tensor([99], device="cuda")].sum()
        torch.cuda.synchronize()
    if prompt == "oom":
        # Piece by piece, as a model fills a card: what is asked for at once and can never fit is
        # refused without a look at the card.
        held = []
        while True:
            held.append(_filled(PIECE_BYTES))


def _hold() -> None:
    """Hold as much as a model does, half of the card at most, until the process is killed."""
    _free, total_bytes = torch.cuda.mem_get_info()
    held = _filled(min(HELD_BYTES, total_bytes // 2))
    torch.cuda.synchronize()
    Path("holds").write_text(str(held.numel()))
    while held.numel():
        time.sleep(0.05)


def _filled(size_bytes: int) -> torch.Tensor:
    return torch.empty(size_bytes, dtype=torch.uint8, device="cuda").fill_(1)
