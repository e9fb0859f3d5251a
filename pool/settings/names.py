"""What every setting is called: as a YAML key, as an environment variable, as a flag."""

from types import MappingProxyType

from pool.settings.schema import Named, Settings


def _named(key: str) -> Named:
    metadata = Settings.model_fields[key].metadata
    return next((entry for entry in metadata if isinstance(entry, Named)), Named())


NAMED = MappingProxyType({key: _named(key) for key in Settings.model_fields})
"""Setting → its names outside YAML."""


def spellings(key: str) -> str:
    """Every way to set `key`, in words, for an error message."""
    named = NAMED[key]
    ways = [f"{key} in the config file"]
    if named.env:
        ways.insert(0, f"{' or '.join(named.env)} in the environment or .env")
    return ", or ".join([*([named.flag] if named.flag else []), *ways])
