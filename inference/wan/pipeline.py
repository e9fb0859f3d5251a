"""The diffusers pipeline: loaded once, called for every video, fit for the next one afterwards.

Theory of operation. The pipeline reports the end of each denoising step; during the VAE's work,
which is a chunk of four frames at a time, it reports nothing, so hooks on the VAE's halves do. At
each report the caller is asked whether to go on, and raising there is the way to stop: setting the
pipeline's own interrupt flag would still decode the video. What a raise leaves behind is cleaned
before it goes on to the caller: the VAE keeps the features of the frames it saw last, gigabytes at
full size, and the traceback the tensors of the step. Everything here runs on the child's device
thread.
"""

import errno
import gc
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from safetensors import SafetensorError

from inference.backend import CancelToken, Progress
from inference.errors import BackendUnusable, DeviceUnfit
from inference.wan import card
from inference.wan.attention import Attention
from inference.wan.checkpoint import Checkpoint
from inference.wan.compiler import Compiler
from inference.wan.faults import as_device_fault, device_fault
from inference.wan.memory import Plan
from inference.wan.pixels import frames_of
from inference.wan.placement import compiler_under, loaded_pipe, transformers_of
from inference.wan.prepared import Prepared
from inference.wan.prompts import PromptEncoder
from inference.wan.settings import Recipe, WanSettings

_FRAMES_PER_CHUNK = 4
_WARM_UP_STEPS = 2
"""Enough for both experts of a model that has two: the second step lies below their boundary."""

T = TypeVar("T")


class Gauge:
    """Counts the signs of life of one video; at each of them the caller may stop it.

    The whole is the denoising steps and the VAE's decoded chunks.
    """

    def __init__(self, steps: int, frames: int, progress: Progress, cancel: CancelToken) -> None:
        self._done = 0
        self._total = steps + 1 + (frames - 1) // _FRAMES_PER_CHUNK
        self._progress = progress
        self._cancel = cancel

    def pulse(self) -> None:
        """Still alive, nothing counted. Raises `Cancelled`."""
        self._cancel.check()
        self._progress(self._done, self._total)

    def advance(self) -> None:
        """One step or chunk more. Raises `Cancelled`."""
        self._done = min(self._done + 1, self._total)
        self.pulse()


class WanPipeline:
    """A loaded checkpoint that turns prepared requests into frames, one at a time."""

    def __init__(
        self,
        pipe: Any,
        prompts: PromptEncoder,
        recipe: Recipe,
        device: str,
        attention: Attention,
        compiler: Compiler,
    ) -> None:
        self._pipe = pipe
        self._prompts = prompts
        self._recipe = recipe
        self._on_cuda = device == "cuda"
        self._attention = attention
        self._compiler = compiler

    @classmethod
    def load(
        cls, checkpoint: Checkpoint, settings: WanSettings, recipe: Recipe, plan: Plan
    ) -> Self:
        """Load every weight and place it as planned; takes minutes at full size.

        Raises `BackendUnusable` for weights that do not fit together, `CardTooSmall`, and
        `DeviceUnfit` when the device is missing or broken.
        """
        try:
            pipe, kernel = loaded_pipe(checkpoint, settings, recipe, plan)
            negative = settings.negative_prompt if recipe.guidance_scale > 1 else None
            visits = settings.device if plan.offload in ("text_encoder", "group") else None
            prompts = PromptEncoder(pipe, negative, visits=visits)
        except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
            traceback.clear_frames(error.__traceback__)
            _free(on_cuda=settings.device == "cuda")
            fault = as_device_fault(error)
            if fault is not None:
                raise fault from error
            words = str(error).partition("\n")[0] or type(error).__name__
            if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
                # The disk's or the host's trouble, not the weights': it may pass.
                raise DeviceUnfit(f"the weights could not be read: {words}") from error
            raise BackendUnusable(
                f"the model in {checkpoint.folder} could not be loaded: {words}"
            ) from error
        logger.info("loaded {}: {}; attention {}", checkpoint.folder, plan, kernel)
        attention = Attention(transformers_of(pipe), kernel)
        compiler = Compiler(compiled=compiler_under(plan, settings) is not None)
        return cls(pipe, prompts, recipe, settings.device, attention, compiler)

    def device_uuid(self) -> str | None:
        """The CUDA device's UUID as torch writes it, without a prefix; None on a CPU."""
        return card.uuid("cuda" if self._on_cuda else "cpu")

    def card_bytes(self) -> tuple[int, int]:
        """The card's memory that this process's tensors fill, and that it holds; 0 on a CPU."""
        if not self._on_cuda:
            return 0, 0
        return torch.cuda.memory_allocated(), torch.cuda.memory_reserved()

    def render(
        self, prepared: Prepared, seed: int, progress: Progress, cancel: CancelToken
    ) -> NDArray[np.uint8]:
        """Make the frames, shaped (frames, height, width, 3).

        Raises `BadOutput`, `DeviceUnfit` and, within a step of being asked, `Cancelled`; after
        `BadOutput`, `CardTooSmall` and `Cancelled` the pipeline is as good as new.
        """
        started_s = time.monotonic()
        frames = self._cleanly(
            lambda: Gauge(self._recipe.steps, prepared.frames, progress, cancel),
            lambda gauge: frames_of(self._call(prepared, seed, gauge)),
        )
        self._log(prepared, time.monotonic() - started_s)
        return frames

    def warm_up(self, prepared: Prepared, progress: Progress) -> None:
        """Make a video of that size in a few steps and throw it away, whatever it shows.

        Compilers and kernel searches do their work here, and memory is asked for once as it will
        be later. A compiler that fails is not asked again. Raises `CardTooSmall` and `DeviceUnfit`.
        """
        self._cleanly(
            lambda: Gauge(_WARM_UP_STEPS, prepared.frames, progress, CancelToken()),
            lambda gauge: self._call(prepared, 0, gauge, steps=_WARM_UP_STEPS),
            # Nothing but the compiler is new here, and what its tools raise is anything.
            blamed=Exception,
        )

    def close(self) -> None:
        """Let go of the weights and of the device memory."""
        del self._pipe, self._prompts, self._attention
        _free(on_cuda=self._on_cuda)

    def _cleanly(
        self,
        new_gauge: Callable[[], Gauge],
        work: Callable[[Gauge], T],
        blamed: type[Exception] | None = None,
    ) -> T:
        """Do `work`; whatever it raises, leave the pipeline fit for the next video.

        Errors of the class `blamed` are tried once more without the compiler. Each attempt counts
        from nothing.
        """

        def once() -> T:
            return self._once_cleanly(new_gauge(), work)

        return self._compiler.with_it_or_without(
            lambda: self._attention.with_it_or_torchs_own(once), blamed=blamed
        )

    def _once_cleanly(self, gauge: Gauge, work: Callable[[Gauge], T]) -> T:
        try:
            with self._reporting_vae(gauge):
                return work(gauge)
        except BaseException as error:
            # The traceback's frames hold the step's tensors, gigabytes that could not be freed.
            traceback.clear_frames(error.__traceback__)
            self._recover()
            fault = as_device_fault(error)
            if fault is not None:
                raise fault from error
            raise

    def _call(
        self, prepared: Prepared, seed: int, gauge: Gauge, steps: int | None = None
    ) -> torch.Tensor:
        gauge.pulse()
        embeddings = self._prompts.embeddings(prepared.prompt)
        gauge.pulse()
        if self._on_cuda:
            torch.cuda.reset_peak_memory_stats()
        videos: torch.Tensor = self._pipe(
            image=prepared.image,
            height=prepared.height,
            width=prepared.width,
            num_frames=prepared.frames,
            num_inference_steps=steps or self._recipe.steps,
            guidance_scale=self._recipe.guidance_scale,
            guidance_scale_2=self._recipe.guidance_scale_2,
            # A CPU generator gives the same noise whatever the device is.
            generator=torch.Generator("cpu").manual_seed(seed),
            prompt_embeds=embeddings,
            negative_prompt_embeds=self._prompts.negative,
            output_type="pt",
            callback_on_step_end=lambda *_: self._step_done(gauge),
            callback_on_step_end_tensor_inputs=[],
        ).frames
        return videos[0]

    def _step_done(self, gauge: Gauge) -> dict[str, Any]:
        """Report a denoising step; the pipeline asks for a dictionary of what to change."""
        if self._on_cuda:
            # The CPU runs ahead of the device; without this it would report what it has queued.
            torch.cuda.synchronize()
        gauge.advance()
        return {}

    @contextmanager
    def _reporting_vae(self, gauge: Gauge) -> Iterator[None]:
        vae = self._pipe.vae
        hooks = [
            vae.encoder.register_forward_hook(lambda *_: gauge.pulse()),
            vae.decoder.register_forward_hook(lambda *_: gauge.advance()),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _recover(self) -> None:
        """Bring the pipeline back to where it was before the call that raised."""
        try:
            self._pipe.maybe_free_model_hooks()
            self._pipe.vae.clear_cache()
            if self._on_cuda:
                torch.cuda.empty_cache()
        except RuntimeError as error:
            raise DeviceUnfit(device_fault(error) or f"clean-up failed: {error}") from error

    def _log(self, prepared: Prepared, took_s: float) -> None:
        shape = f"{prepared.frames} frames of {prepared.width} x {prepared.height}"
        logger.info("made {} in {:.1f} s, {} steps", shape, took_s, self._recipe.steps)
        if self._on_cuda:
            allocated, reserved = (
                peak() / 2**30
                for peak in (torch.cuda.max_memory_allocated, torch.cuda.max_memory_reserved)
            )
            logger.info("peak GPU memory {:.1f} GiB, reserved {:.1f} GiB", allocated, reserved)


def _free(*, on_cuda: bool) -> None:
    """Give memory back; hooks and compiled blocks hold their modules in cycles."""
    gc.collect()
    if on_cuda:
        torch.cuda.empty_cache()
