"""The WAN backend: what the pool's child calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from loguru import logger

from inference.backend import Backend, CancelToken, Progress, Request, Video
from inference.mp4 import Clip, Style, write_mp4
from inference.wan.checkpoint import inspect, locate, require_libraries
from inference.wan.family import Family
from inference.wan.prepared import Prepared, prepare
from inference.wan.settings import Recipe, WanSettings, parse, recipe_for

if TYPE_CHECKING:
    from inference.wan.pipeline import WanPipeline


class WanBackend(Backend[Prepared, Clip]):
    """One WAN checkpoint on one device.

    `options` are the keys of `inference.wan.settings.WanSettings`. After `load`, `prepare` and
    `encode` share nothing that changes with `infer`, so they may run beside it on other threads.
    """

    confirmations: ClassVar[int] = 1

    def __init__(self, options: Mapping[str, object]) -> None:
        self._settings: WanSettings = parse(options)
        self._plan: tuple[Recipe, Family] | None = None
        self._pipeline: WanPipeline | None = None

    def load(self, progress: Progress) -> None:
        """Check the checkpoint, then load it onto the device.

        Raises `BackendUnusable`, at once for what can be seen from outside, and `DeviceUnfit`.
        """
        progress(0, 2)
        require_libraries()
        checkpoint = inspect(locate(self._settings.model, self._settings.revision))
        recipe = recipe_for(self._settings, checkpoint.family)
        progress(1, 2)
        # Takes seconds, and is the first to touch the device.
        from inference.wan.pipeline import WanPipeline

        self._pipeline = WanPipeline.load(checkpoint, self._settings, recipe)
        self._plan = recipe, checkpoint.family
        logger.info("loaded {} from {}: {}", checkpoint.family.name, checkpoint.folder, recipe)
        progress(2, 2)

    def device_uuid(self) -> str | None:
        """The CUDA device's UUID as torch sees it; None on a CPU."""
        return self._loaded()[0].device_uuid()

    def unavailable(self) -> str | None:
        """Never: what stops a GPU ends its process."""
        return None

    def prepare(self, request: Request) -> Prepared:
        """Read and shape the photo, and decide the video's length. Raises `RequestRefused`."""
        recipe, family = self._loaded()[1]
        prepared = prepare(request, self._settings, recipe, family)
        for note in prepared.notes:
            logger.warning("{}: {}", request.item_id, note)
        return prepared

    def infer(self, prepared: Prepared, progress: Progress, cancel: CancelToken) -> Clip:
        """Make the frames. Progress counts denoising steps and decoded chunks.

        Raises `BadOutput`, `DeviceUnfit` and `Cancelled`.
        """
        pipeline, (recipe, _) = self._loaded()
        return Clip(pipeline.render(prepared, prepared.seed, progress, cancel), recipe.fps)

    def encode(self, clip: Clip, target: Path, progress: Progress, cancel: CancelToken) -> Video:
        """Write `target`, read it back and check it: see `inference.mp4.write_mp4`."""
        style = Style(self._settings.crf, self._settings.encoder_preset)
        return write_mp4(clip, target, style, progress, cancel)

    def close(self) -> None:
        """Let go of the device memory. The backend can be loaded again."""
        if self._pipeline is not None:
            self._pipeline.close()
        self._pipeline = None

    def _loaded(self) -> "tuple[WanPipeline, tuple[Recipe, Family]]":
        if self._pipeline is None or self._plan is None:
            raise RuntimeError("the WAN backend is used before it was loaded")
        return self._pipeline, self._plan
