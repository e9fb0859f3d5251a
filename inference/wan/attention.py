"""The fastest attention kernel that works here, found by trying. Device thread.

Which kernels there are depends on the card, on torch and on what else is installed; some say so
only when they run, and a few run and give noise. So each is run once on the real shapes of a video,
whose tokens look at one another, at the text and, in Wan2.1, at the photo, and is compared with
torch's own; of those that agree the fastest is taken. It may still refuse a video of another shape;
then that video is made again with torch's own.
"""

import importlib.util
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from loguru import logger

from inference.wan.libraries import dispatch_attention_fn

T = TypeVar("T")

_NATIVE = "native"
_THEIR_OWN = ("cudnn frontend", "no available kernel", "no viable backend", "flash")
"""What a kernel's refusal says in its first line: cuDNN's, torch's, and the hub's."""
_TOLERANCE = 0.02
"""The largest mean difference from torch's own, as a share of the mean value: rounding in bfloat16
stays far below, the known kernels that give noise far above."""
_RUNS = 3
_TEXT_KEYS, _PHOTO_KEYS = 512, 257
"""What the tokens look at beside one another; an odd number is more than some kernels take."""


def set_attention(transformers: Sequence[Any], asked: str, tokens: int, device: str) -> str:
    """Give all `transformers` the best attention of those that `asked` allows; its name.

    They compute on `device`, and `tokens` is the length of the usual video.
    """
    names = _candidates(device) if asked == "auto" else (asked,)
    best = _NATIVE if names == (_NATIVE,) else _fastest(transformers[0], names, tokens, device)
    for transformer in transformers:
        # Torch's own too: a model that is given none takes what the last one in this process was.
        transformer.set_attention_backend(best)
    return best


class Attention:
    """The kernel that one loaded model's `transformers` use; `name` as `set_attention` gives it."""

    def __init__(self, transformers: Sequence[Any], name: str) -> None:
        self._transformers = transformers
        self._name = name

    def with_it_or_torchs_own(self, work: Callable[[], T]) -> T:
        """Do `work`; where the kernel fails, do it again with torch's own, which then stays."""
        if self._name != _NATIVE:
            try:
                return work()
            except RuntimeError as error:
                words = str(error).partition("\n")[0]
                if not any(mark in words.lower() for mark in _THEIR_OWN):
                    raise
                logger.warning("attention {} failed, going on with torch's: {}", self._name, words)
            self._name = _NATIVE
            for transformer in self._transformers:
                transformer.set_attention_backend(_NATIVE)
        return work()


def _candidates(device: str) -> tuple[str, ...]:
    if device == "cpu":
        return (_NATIVE,)
    # The third comes from the hub, through a package that is not among our requirements.
    hub = ("_flash_3_hub",) if importlib.util.find_spec("kernels") else ()
    return (_NATIVE, "_native_cudnn", *hub)


def _fastest(transformer: Any, names: Iterable[str], tokens: int, device: str) -> str:
    heads = transformer.config.num_attention_heads, transformer.config.attention_head_dim
    query, key, value = (
        torch.randn((1, tokens, *heads), device=device, dtype=transformer.dtype) for _ in range(3)
    )
    others = (_TEXT_KEYS,) if transformer.config.image_dim is None else (_TEXT_KEYS, _PHOTO_KEYS)
    seconds: dict[str, float] = {}
    for name in names:
        try:
            transformer.set_attention_backend(name)
            for keys in (tokens, *others):
                _refuse_noise((query, key[:, :keys], value[:, :keys]), name)
            seconds[name] = _timed((query, key, value), name)
        except Exception as error:  # noqa: BLE001 - kernels fail with anything; another one works
            reason = str(error).partition("\n")[0] or type(error).__name__
            logger.info("attention {} does not work here: {}", name, reason)
    if not seconds:
        logger.warning("of the attention kernels asked for none works; torch's own is used")
    return min(seconds, key=lambda name: seconds[name], default=_NATIVE)


def _refuse_noise(inputs: tuple[torch.Tensor, ...], name: str) -> None:
    """Raise ValueError when the result is not, but for rounding, that of torch's own."""
    expected = dispatch_attention_fn(*inputs, backend=_NATIVE)
    result = dispatch_attention_fn(*inputs, backend=name)
    difference = (result.float() - expected.float()).abs().mean() / expected.float().abs().mean()
    # Not "greater than": NaN has to fail as well.
    if not difference <= _TOLERANCE:
        raise ValueError(f"its result differs from torch's own by {float(difference):.1%}")


def _timed(inputs: tuple[torch.Tensor, ...], name: str) -> float:
    """The seconds of the fastest of three runs."""
    device = inputs[0].device
    fastest_s = float("inf")
    for _ in range(_RUNS):
        _wait(device)
        started_s = time.perf_counter()
        dispatch_attention_fn(*inputs, backend=name)
        _wait(device)
        fastest_s = min(fastest_s, time.perf_counter() - started_s)
    return fastest_s


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
