"""torch's compiler, and going on without it where it fails. Device thread.

Compiled blocks are quicker and nothing else, so a machine without a C compiler or without Python's
headers, or a kernel that does not build, must not cost the slot. Compiling happens when a block
first meets a new kind of input, so that is where it fails: in the warm-up, as a rule.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from loguru import logger
from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

from inference.errors import InferenceError
from inference.wan.faults import met_by_compiler

T = TypeVar("T")

_ITS_OWN = (TorchDynamoException, FailOnRecompileLimitHit)
"""What the compiler raises in its own name. The tools that it calls raise anything."""


class Compiler:
    """The compiler as one loaded model uses it. `compiled`: whether its blocks were given to it."""

    def __init__(self, *, compiled: bool) -> None:
        self._in_use = compiled

    def with_it_or_without(self, work: Callable[[], T], blamed: type[Exception] | None = None) -> T:
        """Do `work`; where the compiler fails, do it again without, and never ask it again.

        Its own errors are its fault, and so, until the second attempt meets them too, are those of
        the class `blamed`. Ours and the device's go on to the caller.
        """
        faults = _ITS_OWN if blamed is None else (*_ITS_OWN, blamed)
        if self._in_use:
            try:
                return work()
            except InferenceError:
                raise
            except faults as error:
                self._in_use = False
                met = met_by_compiler(error)
                words = f"{type(met).__name__}: {met}".partition("\n")[0]
                logger.warning("compiling failed, going on without, which is slower: {}", words)
        with torch.compiler.set_stance("force_eager"):
            return work()
