"""What `--dry-run` prints: every setting in force, and where it came from."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from pool.settings.schema import SECRETS
from pool.settings.sources import Loaded

HIDDEN = "set (hidden)"

_SOUNDS_SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One setting in force, as text; a key inside a mapping is written with a dot."""

    key: str
    value: str
    origin: str


def rows(loaded: Loaded) -> list[Row]:
    """Every setting in force. No row ever holds a secret."""
    return [
        Row(key, _shown(key, value), loaded.origin.get(key, "default"))
        for key, value in _flat(loaded.settings)
    ]


def _flat(settings: BaseModel) -> Iterator[tuple[str, object]]:
    for key, value in settings:
        inner = dict(value) if isinstance(value, BaseModel | Mapping) else {}
        if not inner:
            yield key, value
        for name, entry in inner.items():
            yield f"{key}.{name}", entry


def _shown(key: str, value: object) -> str:
    outer, _, inner = key.partition(".")
    if value is not None and (outer in SECRETS or _SOUNDS_SECRET.search(inner)):
        return HIDDEN
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, default=str, ensure_ascii=False)
