"""Raw values and where they stood, before anything is known about their types."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """One value as it was read; `origin` is a flag, a variable, or a file with its line."""

    value: object
    origin: str

    @property
    def empty(self) -> bool:
        """Whether this is the same as not set: null, or a string with nothing to see in it.

        Compose files and systemd units pass `NAME=` for a variable that nobody set.
        """
        return self.value is None or (isinstance(self.value, str) and not self.value.strip())


Layer = Mapping[str, Found]
"""What one source holds. A key inside a mapping is written with a dot: `wan.steps`."""


def overlaid(*layers: Layer) -> dict[str, Found]:
    """The layers merged, a later one winning; an empty value hides nothing.

    Inside a mapping an empty value is a value: `wan: {negative_prompt: ""}` means what it says.
    """
    return {
        key: found
        for layer in layers
        for key, found in layer.items()
        if "." in key or not found.empty
    }


def nested(layer: Layer) -> dict[str, object]:
    """The plain values, dotted keys gathered into their mappings."""
    plain: dict[str, object] = {}
    mappings: dict[str, dict[str, object]] = {}
    for key, found in layer.items():
        outer, dot, inner = key.partition(".")
        if dot:
            mappings.setdefault(outer, {})[inner] = found.value
        else:
            plain[outer] = found.value
    return {**mappings, **plain}
