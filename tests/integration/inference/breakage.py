"""Ways to stop and to break a WAN backend, as a person or a GPU would."""

import torch

from inference.backend import CancelToken


class StopAt:
    """A progress that asks to stop at its `last` call, and counts what comes after."""

    def __init__(self, last: int) -> None:
        self.cancel = CancelToken()
        self.calls = 0
        self._last = last

    def __call__(self, done: int, total: int) -> None:
        self.calls += 1
        if self.calls == self._last:
            self.cancel.cancel()


def parts(backend):
    """The diffusers pipeline inside, to break it as a GPU would."""
    return backend._pipeline._pipe


def breaking(backend, error, call=3):
    """Make a denoising step, the second if not told, fail as a device would."""
    calls = []

    def fail(*_):
        calls.append(1)
        if len(calls) == call:
            raise error

    return parts(backend).transformer.register_forward_pre_hook(fail)


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
