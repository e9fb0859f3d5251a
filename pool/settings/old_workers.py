"""The keys of the two older workers' config files, which start this pool unchanged."""

from collections.abc import Callable
from types import MappingProxyType

from pool.errors import ConfigError
from pool.settings.found import Found, Layer

RENAMED = MappingProxyType(
    {
        "lease_duration": "lease_duration_seconds",
        "runway_default_ratio": "runway_ratio",
        "video_size": "wan.video_size",
        "frame_num": "wan.frame_num",
        "sample_steps": "wan.steps",
        "cfg_scale": "wan.guidance_scale",
    }
)
"""Old key → the setting, or the key of the `wan` mapping, that means the same."""

MODELS = MappingProxyType(
    {
        "ti2v-5B": "Wan-AI/Wan2.2-TI2V-5B-Diffusers",
        "i2v-A14B": "Wan-AI/Wan2.2-I2V-A14B-Diffusers",
    }
)
"""The old GPU worker's `task_type` → the published weights of the same model, as we load them."""

WITHOUT_MEANING = MappingProxyType(
    {
        "wan_repo_path": "WAN comes with diffusers now",
        "sample_solver": "the solver is UniPC, the models' own",
        "max_retries": "calls are repeated for as long as the lease lasts",
        "retry_delay": "the wait between two attempts doubles, from one second",
        "runway_default_duration": "a task that names no length gets 5 seconds",
    }
)
"""Old key → why it is accepted and changes nothing."""

OLD_VARIABLES = (
    "task_type",
    "model_path",
    "video_size",
    "frame_num",
    "sample_solver",
    "sample_steps",
    "cfg_scale",
)
"""Old keys that are read from the environment too, in capitals."""

OLD_KEYS = (*RENAMED, "task_type", "model_path", *WITHOUT_MEANING)


def renamed(layer: Layer) -> tuple[Layer, list[str]]:
    """One source's settings under today's names, with a warning for each that changes nothing.

    `task_type` and `model_path` stay, for `with_model`. Raises `ConfigError` where one source
    gives a setting under its old and its new name.
    """
    kept = {key: found for key, found in layer.items() if key not in WITHOUT_MEANING}
    for old, new in RENAMED.items():
        if old in kept:
            found = kept.pop(old)
            if new in kept:
                raise ConfigError(f"{found.origin}: {old} is now {new}, given too; keep {new}")
            kept[new] = found
    warnings = [
        f"{layer[key].origin}: {key} changes nothing any more; {why}"
        for key, why in WITHOUT_MEANING.items()
        if key in layer and layer[key].value != "unipc"
    ]
    return kept, warnings


def with_model(
    found: Layer, is_checkpoint: Callable[[str], bool]
) -> tuple[dict[str, Found], list[str]]:
    """`task_type` and `model_path` turned into the model to load.

    The old worker's folder holds the original release's files, which diffusers does not read:
    unless `is_checkpoint` says otherwise, the published diffusers weights of the same model are
    taken, with a warning. Raises `ConfigError` for an unknown `task_type`.
    """
    result = dict(found)
    task_type, path = result.pop("task_type", None), result.pop("model_path", None)
    given = path or task_type
    if given is None or "wan.model" in result:
        return result, []
    published = _published(task_type)
    if path is not None and is_checkpoint(str(path.value)):
        result["wan.model"] = path
        return result, []
    result["wan.model"] = Found(published, given.origin)
    if path is None:
        return result, []
    warning = f"{path.origin}: model_path {path.value} is no folder in diffusers' layout"
    return result, [f"{warning}; {published} is used"]


def _published(task_type: Found | None) -> str:
    if task_type is None:
        return MODELS["ti2v-5B"]
    if task_type.value not in MODELS:
        raise ConfigError(
            f"{task_type.origin}: task_type {task_type.value!r} is unknown; "
            f"give one of {', '.join(MODELS)}, or name the weights in wan: model"
        )
    return MODELS[str(task_type.value)]
