"""The 5B's timesteps, embedded once instead of once for every token.

The 5B tells each token how noisy it is: those of the photo's own frame not at all, all others the
same. The library embeds that number, and projects the embedding to six times the model's width, for
each of the 27,000 tokens of a video; only two results differ. These hooks let the embedder see the
two numbers alone and spread its answer over the tokens again, without touching the model's code.

The answer is the same but for rounding, because a product of two rows is summed in another order
than one of many: on a CPU in float32 the denoiser's output moved by less than one part in a
million. So it is left out where our frames are to equal the library's bit for bit.
"""

from typing import Any

import torch
from torch import nn


class TwoTimesteps:
    """Hooks around the condition embedder of one transformer. Device thread."""

    def __init__(self) -> None:
        self._noisy: torch.Tensor | None = None

    def before(
        self, _embedder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Replace the tokens' timesteps by the first token's and the last one's."""
        timestep, *others = args
        if kwargs.get("timestep_seq_len") is None:
            return None
        self._noisy = (timestep != timestep[0]).long()
        return (timestep[[0, -1]], *others), {**kwargs, "timestep_seq_len": 2}

    def after(self, _embedder: nn.Module, _args: tuple[Any, ...], result: Any) -> Any:
        """Give every token the answer to its own timestep."""
        if self._noisy is None:
            return result
        noisy, self._noisy = self._noisy, None
        embedded, projected, *others = result
        return (embedded[:, noisy], projected[:, noisy], *others)


def embed_two_timesteps(transformer: Any) -> None:
    """Install the hooks; they do nothing for families whose tokens share one timestep."""
    hooks = TwoTimesteps()
    embedder = transformer.condition_embedder
    embedder.register_forward_pre_hook(hooks.before, with_kwargs=True)
    embedder.register_forward_hook(hooks.after)
