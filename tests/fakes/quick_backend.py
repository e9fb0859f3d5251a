"""A backend that makes a real, tiny MP4 in a moment, and misbehaves on request.

Named in settings as `tests.fakes.quick_backend:QuickBackend`. What it does to an item is said by
the item's prompt, so that one pool can be shown every fault: `hang`, `hang-gil`, `crash`,
`exit-0`, `refuse`, `bug`, `unfit`, `wear`, `sleep 3`.

Importing it loads no picture or video code: hundreds of children are started with it.
"""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

from inference.errors import DeviceUnfit, RequestRefused


class QuickBackend:
    """`options`: `step_s` and `steps` of an inference, `load_s`, and `fail_load`."""

    confirmations: ClassVar[int] = 1
    remote: ClassVar[bool] = False

    def __init__(self, options):
        self._step_s = float(options.get("step_s", 0.02))
        self._steps = int(options.get("steps", 5))
        self._load_s = float(options.get("load_s", 0.0))
        self._fail_load = options.get("fail_load")
        self._worn_out = None

    def load(self, progress):
        time.sleep(self._load_s)
        if self._fail_load == "unfit":
            raise DeviceUnfit("the weights could not be read")
        if self._fail_load == "exit":
            os._exit(1)
        progress(1, 1)

    def device_uuid(self):
        return os.environ["CUDA_VISIBLE_DEVICES"] or None

    def unavailable(self):
        return None

    def worn_out(self):
        return self._worn_out

    def prepare(self, request):
        request.photo.read_bytes()
        if request.prompt == "refuse":
            raise RequestRefused("the photo could not be read: it is refused by the test")
        return request

    def infer(self, prepared, progress, cancel):
        _misbehave(prepared.prompt)
        pause_s = float(prepared.prompt.split()[1]) if prepared.prompt.startswith("sleep ") else 0
        for step in range(self._steps):
            time.sleep(self._step_s + pause_s / self._steps)
            cancel.check()
            progress(step + 1, self._steps)
        if prepared.prompt == "wear":
            self._worn_out = "its memory grew by 7 GiB over 1 videos"
        import numpy as np

        from inference.mp4 import Clip

        rng = np.random.default_rng(prepared.seed % 2**32)
        return Clip(rng.integers(0, 255, (9, 32, 48, 3), dtype=np.uint8), 24)

    def encode(self, clip, target: Path, progress, cancel):
        from inference.mp4 import Style, write_mp4

        return write_mp4(clip, target, Style(30, "ultrafast"), progress, cancel)

    def close(self):
        pass


def _misbehave(prompt: str) -> None:
    actions: dict[str, Any] = {
        "hang": lambda: time.sleep(3600),
        "hang-gil": lambda: ctypes.PyDLL(None).sleep(3600),
        "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "exit-0": lambda: os._exit(0),
        "bug": lambda: {}["a bug"],
    }
    if prompt == "unfit":
        raise DeviceUnfit("CUDA error: device-side assert triggered")
    actions.get(prompt, lambda: None)()
