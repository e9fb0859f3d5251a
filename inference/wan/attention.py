"""The fastest attention kernel that works here, found by trying. Device thread.

Which kernels there are depends on the card, on torch and on what else is installed; some say so
only when they run, and a few run and give noise. So each is run once on the real shape of a video
and compared with torch's own; of those that agree the fastest is taken.
"""

import importlib.util
import time
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from loguru import logger

from inference.wan.libraries import dispatch_attention_fn

_NATIVE = "native"
_TOLERANCE = 0.02
"""The largest mean difference from torch's own, as a share of the mean value: rounding in bfloat16
stays far below, the known kernels that give noise far above."""
_RUNS = 3


def set_attention(transformers: Sequence[Any], asked: str, tokens: int, device: str) -> str:
    """Give all `transformers` the best attention of those that `asked` allows; its name.

    They compute on `device`, and `tokens` is the length of the usual video.
    """
    names = _candidates(device) if asked == "auto" else (asked,)
    if names == (_NATIVE,):
        return _NATIVE
    best = _fastest(transformers[0], names, tokens, device)
    for transformer in transformers:
        transformer.set_attention_backend(best)
    return best


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
    expected = dispatch_attention_fn(query, key, value, backend=_NATIVE)
    seconds: dict[str, float] = {}
    for name in names:
        try:
            transformer.set_attention_backend(name)
            seconds[name] = _timed((query, key, value), name, expected)
        except Exception as error:  # noqa: BLE001 - kernels fail with anything; another one works
            reason = str(error).partition("\n")[0] or type(error).__name__
            logger.info("attention {} does not work here: {}", name, reason)
    if not seconds:
        logger.warning("of the attention kernels asked for none works; torch's own is used")
    return min(seconds, key=lambda name: seconds[name], default=_NATIVE)


def _timed(inputs: tuple[torch.Tensor, ...], name: str, expected: torch.Tensor) -> float:
    """The seconds of the fastest of three runs; raises ValueError when the result is wrong."""
    result = dispatch_attention_fn(*inputs, backend=name)
    difference = (result.float() - expected.float()).abs().mean() / expected.float().abs().mean()
    # Not "greater than": NaN has to fail as well.
    if not difference <= _TOLERANCE:
        raise ValueError(f"its result differs from torch's own by {float(difference):.1%}")
    fastest_s = float("inf")
    for _ in range(_RUNS):
        _wait(result.device)
        started_s = time.perf_counter()
        dispatch_attention_fn(*inputs, backend=name)
        _wait(result.device)
        fastest_s = min(fastest_s, time.perf_counter() - started_s)
    return fastest_s


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
