"""Which class makes the videos: the backend's name in the settings, turned into a type."""

import importlib
from types import MappingProxyType
from typing import Any

from inference.backend import Backend
from inference.errors import BackendUnusable

BUILT_IN = MappingProxyType(
    {
        "wan": "inference.wan.backend:WanBackend",
        "runway": "inference.runway.backend:RunwayBackend",
    }
)

_REQUIRED = (
    "confirmations",
    "load",
    "device_uuid",
    "unavailable",
    "worn_out",
    "prepare",
    "infer",
    "encode",
    "close",
)


def backend_class(name: str) -> type[Backend[Any, Any]]:
    """The class that `name` stands for: a built-in backend, or any `package.module:Class`.

    Imports the backend's module, so only the child calls it. Raises `BackendUnusable` when the
    name means nothing, the import fails, or the class lacks a part of `inference.backend.Backend`.
    """
    spec = BUILT_IN.get(name, name)
    module_name, colon, class_name = spec.partition(":")
    if not (colon and module_name and class_name.isidentifier()):
        known = ", ".join(sorted(BUILT_IN))
        raise BackendUnusable(
            f"backend {name!r} is unknown: give one of {known}, or package.module:Class"
        )
    found = _imported(name, module_name, class_name)
    missing = [part for part in _REQUIRED if not hasattr(found, part)]
    if missing or not isinstance(found, type):
        lacks = f"lacks {', '.join(missing)}" if missing else "is not a class"
        raise BackendUnusable(f"backend {name!r} {lacks}: see inference/backend.py")
    return found


def _imported(name: str, module_name: str, class_name: str) -> Any:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        # Somebody's own module may raise anything while it is imported.
        raise BackendUnusable(f"backend {name!r} could not be imported: {error}") from error
    if not hasattr(module, class_name):
        raise BackendUnusable(f"backend {name!r}: {module_name} has no class {class_name}")
    return getattr(module, class_name)
