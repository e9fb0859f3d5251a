"""Prompts as the text encoder's output, kept so that none is encoded twice in a row of tasks."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_TOKENS = 512
"""What every family was trained with; Wan2.1 gives wrong pictures, and no error, for fewer."""


class PromptEncoder:
    """Encodes prompts on the device thread; the tokenizer beneath is not safe for several.

    Keeps the last `keep` embeddings on the device (4 MiB each at full size) and the negative
    prompt's for ever. `visits`: the device that the text encoder comes to for each new prompt, and
    leaves again; None where it lives on one, or is moved by hooks.
    """

    def __init__(
        self, pipe: Any, negative_prompt: str | None, *, visits: str | None = None, keep: int = 16
    ) -> None:
        self._pipe = pipe
        self._visits = visits
        self._keep = keep
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()
        self.negative = None if negative_prompt is None else self._encode(negative_prompt)

    def embeddings(self, prompt: str) -> torch.Tensor:
        """The prompt's embeddings, shaped (1, 512, the encoder's width)."""
        if prompt not in self._kept:
            self._kept[prompt] = self._encode(prompt)
        self._kept.move_to_end(prompt)
        while len(self._kept) > self._keep:
            self._kept.popitem(last=False)
        return self._kept[prompt]

    @torch.no_grad()
    def _encode(self, prompt: str) -> torch.Tensor:
        with self._text_encoder_at_work():
            # The pipeline's own method cleans the text and pads with zeros past the last token.
            embeddings, _ = self._pipe.encode_prompt(
                prompt, do_classifier_free_guidance=False, max_sequence_length=_TOKENS
            )
        encoded: torch.Tensor = embeddings
        return encoded

    @contextmanager
    def _text_encoder_at_work(self) -> Iterator[None]:
        encoder, home = self._pipe.text_encoder, []
        if self._visits is not None:
            home = [(weight, weight.data) for weight in encoder.parameters()]
            encoder.to(self._visits)
        try:
            yield
        finally:
            # Its weights still lie where they were: copying them back would take seconds in vain.
            for weight, at_home in home:
                weight.data = at_home
            if self._visits is not None:
                encoder.to("cpu")
            # Where hooks move the models, the text encoder would stay until the denoiser comes.
            self._pipe.maybe_free_model_hooks()
