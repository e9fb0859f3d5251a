"""A quick backend that can be held where a test wants it, and that does what libraries do at worst.

By the prompt: `linger STAGE NAME` waits in prepare, infer or encode until the file `go-NAME` lies
in the working folder; `orphan` leaves a process that soon dies without a parent; `hot` makes its
later steps seven times as slow.
"""

import os
import time
from pathlib import Path

from tests.fakes.quick_backend import QuickBackend


def _linger(prompt: str, stage: str) -> None:
    verb, _, rest = prompt.partition(" ")
    where, _, name = rest.partition(" ")
    while verb == "linger" and where == stage and not Path(f"go-{name}").exists():
        time.sleep(0.02)


def _leave_an_orphan() -> None:
    between = os.fork()
    if between == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(0.3)
        os._exit(0)
    os.waitpid(between, 0)


class ChaoticBackend(QuickBackend):
    def prepare(self, request):
        _linger(request.prompt, "prepare")
        return super().prepare(request)

    def infer(self, prepared, progress, cancel):
        self._prompt = prepared.prompt
        _linger(prepared.prompt, "infer")
        if prepared.prompt == "orphan":
            _leave_an_orphan()
        return super().infer(prepared, self._slowed(progress), cancel)

    def encode(self, clip, target, progress, cancel):
        _linger(self._prompt, "encode")
        return super().encode(clip, target, progress, cancel)

    def _slowed(self, progress):
        def told(done, total):
            progress(done, total)
            if self._prompt == "hot" and total / 2 < done < total:
                time.sleep(6 * self._step_s)

        return told
