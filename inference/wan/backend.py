"""The WAN backend: what the pool's child calls."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil
from loguru import logger

from inference.backend import Backend, CancelToken, Progress, Request, Video
from inference.errors import BadOutput, DeviceUnfit
from inference.mp4 import Clip, Style, write_mp4
from inference.wan.facts import Facts, check
from inference.wan.memory import Plan, next_smaller, plan_on
from inference.wan.prepared import Prepared, blank, prepare
from inference.wan.setback import Setbacks
from inference.wan.settings import WanSettings, parse
from inference.wan.wear import Limits, Usage, Wear

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from inference.wan.pipeline import WanPipeline

_WARM_UPS = (0, 1)
"""Chunks of four frames that each warm-up is longer than the usual video. The first length gets
kernels of its own; meeting another one, torch compiles kernels for every other size and length."""


class WanBackend(Backend[Prepared, Clip]):
    """One WAN checkpoint on one device.

    `options` are the keys of `inference.wan.settings.WanSettings`. After `load`, `prepare` and
    `encode` share nothing that changes with `infer`, so they may run beside it on other threads.

    When the device runs out of memory, the model is loaded again under the next smaller plan, and
    the video made once more. The smaller plan stays, for later processes on that device as well
    (`inference.wan.setback`), unless the video was a longer one than usual.
    """

    confirmations: ClassVar[int] = 1

    def __init__(self, options: Mapping[str, object]) -> None:
        self._settings: WanSettings = parse(options)
        self._facts: Facts | None = None
        self._pipeline: WanPipeline | None = None
        self._plan: Plan | None = None
        self._free_bytes: int | None = None
        self._setbacks = Setbacks(None)
        self._wear = Wear(Limits())

    def load(self, progress: Progress) -> None:
        """Check the checkpoint, load it onto the device, and compile what is compiled.

        Raises `BackendUnusable`, at once for what can be seen from outside, and `DeviceUnfit`.
        """
        # Takes seconds, and is the first to touch the device.
        from inference.wan import card

        progress(0, _LOAD_STAGES)
        facts = self._facts = check(self._settings)
        if self._settings.cache_dir is not None:
            # Read by torch's compiler when it is first used.
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(self._settings.cache_dir / "inductor")
        memory = card.memory_bytes(self._settings.device)
        self._free_bytes = None if memory is None else memory[0]
        self._setbacks = Setbacks(self._setback_file(card.uuid(self._settings.device)))
        if self._plan is None:
            left = self._setbacks.rungs_left(facts.rungs, self._free_bytes, time.time())
            self._plan = plan_on(memory, left)
        logger.info("{}: {}", facts.checkpoint.family.name, facts.recipe)
        self._load_as_planned(progress)
        progress(_LOAD_STAGES, _LOAD_STAGES)

    def device_uuid(self) -> str | None:
        """The CUDA device's UUID as torch sees it; None on a CPU."""
        return self._loaded().device_uuid()

    def unavailable(self) -> str | None:
        """Never: what stops a GPU ends its process."""
        return None

    def worn_out(self) -> str | None:
        """What has grown too large, or gone wrong too often, in this process."""
        return self._wear.worn_out

    def prepare(self, request: Request) -> Prepared:
        """Read and shape the photo, and decide the video's length. Raises `RequestRefused`."""
        facts = self._known()
        prepared = prepare(request, self._settings, facts.recipe, facts.checkpoint.family)
        for note in prepared.notes:
            logger.warning("{}: {}", request.item_id, note)
        return prepared

    def infer(self, prepared: Prepared, progress: Progress, cancel: CancelToken) -> Clip:
        """Make the frames. Progress counts denoising steps and decoded chunks.

        Raises `BadOutput`, `DeviceUnfit` and `Cancelled`.
        """
        fps = self._known().recipe.fps
        try:
            frames = self._render(prepared, progress, cancel)
        except BadOutput as error:
            self._note(usable=False)
            made = self._wear.made + self._wear.unusable
            logger.warning("{}: {} of {} so far", error, self._wear.unusable, made)
            raise
        self._note(usable=True)
        return Clip(frames, fps)

    def encode(self, clip: Clip, target: Path, progress: Progress, cancel: CancelToken) -> Video:
        """Write `target`, read it back and check it: see `inference.mp4.write_mp4`."""
        style = Style(self._settings.crf, self._settings.encoder_preset)
        return write_mp4(clip, target, style, progress, cancel)

    def close(self) -> None:
        """Let go of the device memory. The backend can be loaded again."""
        self._unload()
        self._facts = None

    def _unload(self) -> None:
        if self._pipeline is not None:
            self._pipeline.close()
        self._pipeline = None

    def _render(
        self, prepared: Prepared, progress: Progress, cancel: CancelToken
    ) -> "NDArray[np.uint8]":
        from inference.wan.faults import CardTooSmall

        def loading(*_: int) -> None:
            cancel.check()
            # Nothing done: a load is given the time of a first step, not of one like the others.
            progress(0, 1)

        if self._pipeline is None:
            # The last task was cancelled before the model was loaded again.
            self._load_as_planned(loading)
        try:
            return self._loaded().render(prepared, prepared.seed, progress, cancel)
        except CardTooSmall as error:
            # What a longer video than usual needs says nothing about the usual ones.
            usual = prepared.frames <= self._known().recipe.frames
            self._step_down(error, remembered=usual)
        self._load_as_planned(loading)
        return self._loaded().render(prepared, prepared.seed, progress, cancel)

    def _setback_file(self, uuid: str | None) -> Path | None:
        """Kept beside the compiled kernels: both are about this machine, neither is precious."""
        folder = self._settings.cache_dir
        return None if folder is None else folder / "plans" / f"{uuid or 'cpu'}.json"

    def _load_as_planned(self, progress: Progress) -> None:
        """Load and warm up under the plan, or under the first smaller one that works."""
        from inference.wan.faults import CardTooSmall
        from inference.wan.pipeline import WanPipeline

        facts = self._known()
        while True:
            progress(1, _LOAD_STAGES)
            try:
                self._pipeline = WanPipeline.load(
                    facts.checkpoint, self._settings, facts.recipe, self._planned()
                )
                progress(2, _LOAD_STAGES)
                self._warm_up(self._pipeline, facts, progress)
            except CardTooSmall as error:
                self._step_down(error, remembered=True)
            else:
                return

    def _warm_up(self, pipeline: "WanPipeline", facts: Facts, progress: Progress) -> None:
        if not self._settings.warms_up:
            return
        for stage, longer in enumerate(_WARM_UPS, start=3):
            prepared = blank(longer, self._settings, facts.recipe, facts.checkpoint.family)
            pipeline.warm_up(prepared, lambda *_, stage=stage: progress(stage, _LOAD_STAGES))

    def _step_down(self, error: DeviceUnfit, *, remembered: bool) -> None:
        """Take the next smaller plan; raises `error` when there is none.

        `remembered`: whether later processes on the device begin with it, too.
        """
        rungs = self._known().rungs
        smaller = next_smaller(self._planned(), rungs)
        if smaller is None:
            raise error
        self._unload()
        self._plan = smaller
        if remembered:
            self._setbacks.note(rungs, smaller, self._free_bytes, time.time())
        logger.warning("{}; from now on: {}", error, smaller)

    def _note(self, *, usable: bool) -> None:
        """Record what the process holds after a video."""
        usage = Usage(psutil.Process().memory_info().rss, *self._loaded().card_bytes())
        self._wear.after_video(usage, usable=usable)
        logger.info(
            "{} videos made, {} unusable; memory: {}", self._wear.made, self._wear.unusable, usage
        )

    def _planned(self) -> Plan:
        if self._plan is None:
            raise RuntimeError("the WAN backend is used before it was loaded")
        return self._plan

    def _known(self) -> Facts:
        if self._facts is None:
            raise RuntimeError("the WAN backend is used before it was loaded")
        return self._facts

    def _loaded(self) -> "WanPipeline":
        if self._pipeline is None:
            raise RuntimeError("the WAN backend is used before it was loaded")
        return self._pipeline


_LOAD_STAGES = 3 + len(_WARM_UPS)
