"""A backend's refusal of its options, told as any other wrong setting is: where it was read."""

from collections.abc import Mapping

from inference.errors import BackendUnusable, OptionsWrong
from pool.settings.plain_words import plain_words


def in_words(error: BackendUnusable, origins: Mapping[str, str]) -> str:
    """The refusal in one line. `origins` says where each setting stood; others have defaults."""
    if not isinstance(error, OptionsWrong):
        return str(error)
    return "; ".join(
        f"{_where(key, error.section, origins)}{key}: {plain_words(words)}"
        for key, words in error.problems.items()
    )


def _where(key: str, section: str, origins: Mapping[str, str]) -> str:
    origin = origins.get(key) or origins.get(section)
    return f"{origin}: " if origin else ""
