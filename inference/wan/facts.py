"""Everything about a model that can be known without torch, checked. Any process."""

from dataclasses import dataclass

from inference.wan.checkpoint import (
    FP8_LIBRARIES,
    Checkpoint,
    inspect,
    locate,
    require_libraries,
)
from inference.wan.lora import check_lora, find_lora
from inference.wan.memory import Plan, ladder, permitted
from inference.wan.settings import Recipe, WanSettings, recipe_for, work_for


@dataclass(frozen=True)
class Facts:
    """What will be loaded, what will be made, and the ways of placing it that are allowed."""

    checkpoint: Checkpoint
    recipe: Recipe
    rungs: tuple[Plan, ...]


def check(settings: WanSettings) -> Facts:
    """The facts about the model that `settings` name; nothing is downloaded.

    Raises `BackendUnusable` with one line for what can never work.
    """
    require_libraries()
    if settings.fp8:
        require_libraries(FP8_LIBRARIES, "requirements-fp8.txt")
    checkpoint = inspect(locate(settings.model, settings.revision))
    recipe = recipe_for(settings, checkpoint.family)
    for component, lora in settings.loras.items():
        check_lora(find_lora(lora), checkpoint, component)
    rungs = ladder(checkpoint.family, checkpoint.sizes, work_for(settings, recipe))
    return Facts(checkpoint, recipe, permitted(rungs, settings.offload, settings.vae_tiling))
