"""The worker's key, the admin's key and the secret behind presigned URLs.

The environment's `WORKER_API_KEY` and `ADMIN_API_KEY` come first. What is missing there is made up
once and kept in `keys.json` in the data folder, readable by its owner alone.
"""

import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import ConfigError

KEYS_FILE = "keys.json"
_FROM_ENVIRONMENT = {"worker_api_key": "WORKER_API_KEY", "admin_api_key": "ADMIN_API_KEY"}


@dataclass(frozen=True)
class Keys:
    """Three secrets that no repr, log or error shows.

    `from_file`: at least one of the two keys is to be looked up in `keys.json`.
    """

    worker: str = field(repr=False)
    admin: str = field(repr=False)
    signing_secret: str = field(repr=False)
    from_file: bool


def load_keys(folder: Path, environ: Mapping[str, str]) -> Keys:
    """The keys to use, those that are missing made up and saved. Raises `ConfigError`."""
    given = {name: environ.get(variable, "") for name, variable in _FROM_ENVIRONMENT.items()}
    kept = _read(folder / KEYS_FILE)
    needed = ("signing_secret", *(name for name, value in given.items() if not value))
    made = {name: secrets.token_urlsafe(32) for name in needed if name not in kept}
    if made:
        kept |= made
        _write(folder / KEYS_FILE, kept)
    values = kept | {name: value for name, value in given.items() if value}
    if values["worker_api_key"] == values["admin_api_key"]:
        raise ConfigError("WORKER_API_KEY and ADMIN_API_KEY are the same; give each its own value")
    return Keys(
        worker=values["worker_api_key"],
        admin=values["admin_api_key"],
        signing_secret=values["signing_secret"],
        from_file=len(needed) > 1,
    )


def is_authorized(header: str | None, scheme: str, key: str) -> bool:
    """Whether an `Authorization` header is `<scheme> <key>`, compared in constant time."""
    # Header values arrive decoded as Latin-1, whatever their bytes were.
    given = (header or "").encode("latin-1")
    return hmac.compare_digest(given, f"{scheme} {key}".encode())


def _read(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}; repair it, or move it away for new keys") from error
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise ConfigError(f"{path} does not hold keys; repair it, or move it away for new keys")
    return kept


def _write(path: Path, kept: dict[str, str]) -> None:
    # mkstemp makes the file readable by its owner alone from the first instant.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        json.dump(kept, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
